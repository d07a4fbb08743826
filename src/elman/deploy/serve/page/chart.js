/* A series and its forecast, drawn by hand: lines, bands, axes, and a read-out for pointer and keys. */

import { draw, make, number } from "./dom.js";
import { dater, dates, moment, ticks } from "./scale.js";
import { label, valueText, word } from "./words.js";

const SPACE = { top: 14, right: 14, bottom: 26, left: 52 };

/**
 * points: [{x, y?, forecast?, lower?, upper?, lower_80?, upper_80?}] in order, x a time, a number or a name.
 * It is drawn anew for the width that it has, so that its words keep their size on a phone.
 */
export function chart(points) {
  const place = make("div", { class: "chart", tabindex: 0, role: "slider", "aria-valuemin": 0,
    "aria-valuemax": points.length - 1 });
  label(place, "chart");
  const told = make("p", { class: "readout", "aria-hidden": "true" });
  const dated = dater(points.map((point) => point.x));
  let at = points.findIndex((point) => point.forecast != null);
  let drawn;

  const choose = (next) => {
    at = Math.max(0, Math.min(points.length - 1, next));
    const reading = inWords(points[at], dated(points[at].x));
    place.setAttribute("aria-valuenow", at);
    valueText(place, ...reading);
    word(told, ...reading);
    drawn.mark(at);
  };
  place.addEventListener("keydown", (event) => {
    const leap = Math.max(2, Math.round(points.length / 10));
    const moved = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: leap, PageDown: -leap, Home: -at,
      End: points.length }[event.key];
    if (moved === undefined) return;
    event.preventDefault();
    choose(at + moved);
  });
  for (const kind of ["pointermove", "pointerdown"]) {
    place.addEventListener(kind, (event) => choose(drawn.nearest(event.clientX - place.getBoundingClientRect().left)));
  }
  let width = 0;
  new ResizeObserver(([entry]) => {
    if (Math.round(entry.contentRect.width) === width) return;
    width = Math.round(entry.contentRect.width);
    drawn = drawing(points, width);
    place.replaceChildren(drawn.svg);
    choose(at);
  }).observe(place);
  return make("figure", { class: "wide" }, place, told, key(points));
}

/** What a point says: a key of the words, and its gaps. */
function inWords(point, when) {
  if (point.forecast == null) return ["read value", { when, value: number(point.y) }];
  const gaps = { when, value: number(point.forecast) };
  if (point.lower == null) return ["read forecast alone", gaps];
  return ["read forecast", { ...gaps, lower: number(point.lower), upper: number(point.upper) }];
}

function key(points) {
  const marks = [["line-1", "known values"], ["line-2", "forecast"]];
  if (points.some((point) => point.lower_80 != null)) marks.push(["band-80", "band 80"]);
  if (points.some((point) => point.lower != null)) marks.push(["band-95", "band 95"]);
  return make("ul", { class: "key" }, ...marks.map(([look, name]) =>
    make("li", {}, make("span", { class: `swatch ${look}`, "aria-hidden": "true" }), word(make("span"), name))));
}

function drawing(points, width) {
  const height = Math.round(Math.max(200, Math.min(360, width * 0.45)));
  const moments = points.map((point) => moment(point.x));
  const timed = moments.every(Number.isFinite);
  const along = timed ? moments : points.map((_, at) => at);
  const values = points.flatMap((p) => [p.y, p.forecast, p.lower, p.upper]).filter((value) => Number.isFinite(value));
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const spare = 0.05 * (high - low || Math.abs(high) || 1);
  [low, high] = [low - spare, high + spare];
  const upright = ticks(low, high, height / 55);
  const left = Math.max(SPACE.left, 14 + 7 * Math.max(...upright.map((value) => number(value).length)));
  const [first, last] = [along[0], along.at(-1)];
  const x = (value) => left + ((value - first) / (last - first || 1)) * (width - left - SPACE.right);
  const y = (value) => height - SPACE.bottom - ((value - low) / (high - low)) * (height - SPACE.top - SPACE.bottom);
  const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });

  for (const value of upright) {
    svg.append(draw("line", { class: "grid", x1: left, x2: width - SPACE.right, y1: y(value), y2: y(value) }),
      draw("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, number(value)));
  }
  const named = timed ? dates(first, last, width / 90)
    : ticks(first, last, width / 90, true).map((at) => [at, String(points[at]?.x ?? "")]);
  for (const [value, name] of named) {
    const end = x(value) > width - 40 ? "end" : x(value) < left + 20 ? "start" : "middle";
    svg.append(draw("line", { class: "tick", x1: x(value), x2: x(value), y1: height - SPACE.bottom, y2: height - 21 }),
      draw("text", { x: x(value), y: height - 7, "text-anchor": end }, name));
  }

  const where = new Map(points.map((point, at) => [point, x(along[at])]));
  const at = (point, name) => [where.get(point), y(point[name])].map((one) => one.toFixed(1)).join();
  // The forecast goes on from the last value that is known, and so do its bands.
  const known = points.filter((point) => point.y != null), ahead = points.filter((point) => point.forecast != null);
  const start = known.length ? [at(known.at(-1), "y")] : [];
  for (const side of ["", "_80"]) {
    const inside = ahead.filter((point) => point[`lower${side}`] != null);
    if (!inside.length) continue;
    const way = [...start, ...inside.map((point) => at(point, `upper${side}`)),
      ...inside.reverse().map((point) => at(point, `lower${side}`))];
    svg.append(draw("polygon", { class: side ? "band-80" : "band-95", points: way.join(" ") }));
  }
  const [past, future] = [known.map((point) => at(point, "y")), ahead.map((point) => at(point, "forecast"))];
  svg.append(draw("polyline", { class: "line-1", points: past.join(" ") }),
    draw("polyline", { class: "line-2", points: [...start, ...future].join(" ") }));
  const rule = draw("line", { class: "cursor", y1: SPACE.top, y2: height - SPACE.bottom });
  const dot = draw("circle", { class: "cursor", r: 4 });
  svg.append(rule, dot);

  return {
    svg,
    nearest(px) {
      const distances = along.map((value) => Math.abs(x(value) - px));
      return distances.indexOf(Math.min(...distances));
    },
    mark(chosen) {
      const px = x(along[chosen]), value = points[chosen].forecast ?? points[chosen].y;
      rule.setAttribute("x1", px);
      rule.setAttribute("x2", px);
      dot.setAttribute("cx", px);
      dot.setAttribute("cy", value == null ? -10 : y(value));
    },
  };
}
