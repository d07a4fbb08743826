/* Forecast: a CSV of what is known, or the data of the fit; the forecast as a chart, a table and a file. */

import { chart } from "../chart.js";
import { button, dropZone, field, row, sent, table, trouble } from "../desk.js";
import { download, make, number } from "../dom.js";
import { why } from "../explanation.js";
import { dater } from "../scale.js";
import { word } from "../words.js";

const KNOWN = ["time", "step", "forecast", "lower", "upper", "lower_80", "upper_80"];

export function page(desk) {
  const { model } = desk;
  let body = {};
  const ask = () => desk.predict(body, (answers, told) => shown(desk, answers, told.history ?? [], body));
  const drop = dropZone("csv file", "csv hint", ".csv,text/csv", async (file) => {
    const most = model.limits?.max_body;
    if (most && file.size > most) return desk.refuse(trouble("too large", { most: `${(most / 1e6).toFixed(1)} MB` }));
    body = { csv: await file.text() };
    ask();
  });
  const again = button("forecast on", () => {
    body = {};
    ask();
  });
  const columns = new Set([...model.time, model.group, ...model.target, ...model.columns].filter(Boolean));
  drop.append(make("p", { class: "hint" }, word(make("span"), "csv columns"), " ",
    make("span", { class: "given" }, [...columns].join(", "))));
  desk.asking.append(row(again), drop);
  ask();
}

function shown(desk, answers, history, body) {
  const named = Object.keys(answers[0] ?? {}).find((name) => !KNOWN.includes(name));
  const time = "time" in (answers[0] ?? {}) ? "time" : "step";
  const dated = dater(answers.map((one) => one[time]));
  const groups = named ? [...new Set(answers.map((one) => String(one[named])))] : [null];
  const place = make("div");
  const show = (group) => {
    const mine = (rows) => (named ? rows.filter((one) => String(one[named]) === group) : rows);
    const ahead = mine(answers);
    const past = mine(history).map((one) => ({ x: one[time], y: one.value }));
    const future = ahead.map((one) => ({ ...one, x: one[time] }));
    place.replaceChildren(chart([...past, ...future]), rows(ahead, time, dated));
    const [first, last] = [ahead[0], ahead.at(-1)];
    desk.tell("forecast told", { n: ahead.length, from: dated(first[time]), to: dated(last[time]),
      first: number(first.forecast), last: number(last.forecast) });
  };
  const save = button("save csv", () => download("forecast.csv", [csv(answers)], "text/csv"), "quiet");
  const choice = make("select", { class: "given", change: () => show(choice.value) },
    ...groups.map((group) => make("option", {}, group ?? "")));
  desk.show(named ? field("series", choice) : "", place, why(desk, body, null, save));
  show(groups[0]);
}

function rows(answers, time, dated) {
  const columns = KNOWN.filter((name) => answers[0] && name in answers[0]);
  const cells = answers.map((one) => columns.map((name) => (name === time ? dated(one[name]) : number(one[name]))));
  return table(columns.map((name) => `column ${name}`), cells, "forecast table");
}

/** Rows of plain values as CSV. */
function csv(rows) {
  const columns = Object.keys(rows[0] ?? {});
  const cell = (value) => (/[",\n\r]/.test(value ?? "") ? `"${value.replaceAll('"', '""')}"` : (value ?? ""));
  const lines = [columns, ...rows.map((one) => columns.map((name) => one[name]))];
  return lines.map((cells) => `${cells.map(cell).join()}\n`).join("");
}
