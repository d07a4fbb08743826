/* Round numbers and dates along an axis. */

const MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const EVEN = [...[1, 2, 5, 10, 15, 30].flatMap((n) => [n, n * MINUTE]), ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 5, 7, 14].map((n) => n * DAY)].sort((a, b) => a - b); // seconds
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200];

/** About so many round numbers from low to high. */
export function ticks(low, high, about, whole = false) {
  const rough = (high - low || Math.abs(high) || 1) / Math.max(1, about);
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 2.5, 5, 10].find((times) => times * power >= rough * 0.999) * power;
  if (whole) step = Math.max(1, Math.ceil(step));
  const [first, last] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
  return Array.from({ length: last - first + 1 }, (_, at) => +((first + at) * step).toPrecision(12));
}

/** A moment in milliseconds: times without a zone are read as they stand; NaN of what is none. */
export function moment(time) {
  const found = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?)?/.exec(time);
  if (!found) return NaN;
  const [, year, month, day, hour = 0, minute = 0, second = 0] = found;
  return Date.UTC(year, month - 1, day, hour, minute) + 1000 * second;
}

/** About so many round moments: [milliseconds, name]. */
export function dates(low, high, about) {
  const rough = (high - low) / 1000 / Math.max(1, about);
  const step = EVEN.find((seconds) => seconds >= rough);
  const found = [];
  if (step) {
    for (let at = Math.ceil(low / 1000 / step) * step; at <= high / 1000; at += step) found.push(1000 * at);
  } else {
    const months = MONTHS.find((n) => n * 30.4 * DAY >= rough) ?? MONTHS.at(-1);
    const first = new Date(low);
    const from = 12 * first.getUTCFullYear() + first.getUTCMonth();
    for (let at = Math.ceil(from / months) * months; ; at += months) {
      const when = Date.UTC(Math.floor(at / 12), at % 12);
      if (when > high) break;
      if (when >= low) found.push(when);
    }
  }
  return found.map((when) => [when, short(when, step)]);
}

/** What of a moment changes from tick to tick. */
function short(when, step) {
  const iso = new Date(when).toISOString();
  if (!step) return iso.slice(5, 7) === "01" ? iso.slice(0, 4) : iso.slice(0, 7);
  if (step >= DAY || iso.slice(11, 19) === "00:00:00") return iso.slice(5, 10);
  return step < MINUTE ? iso.slice(11, 19) : iso.slice(11, 16);
}

/** How the moments of a series are written: to the day, the minute, the second, or in full, as all of them need it. */
export function dater(times) {
  const fits = (pattern) => times.every((time) => pattern.test(time));
  const lengths = [[/T00:00(:00(\.0+)?)?$/, 10], [/T\d\d:\d\d(:00(\.0+)?)?$/, 16], [/:\d\d(\.0+)?$/, 19], [/^/, 40]];
  const [, length] = lengths.find(([pattern]) => fits(pattern));
  return (time) => String(time).slice(0, length).replace("T", " ");
}
