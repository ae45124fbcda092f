// The text of a page, in the colours of what went on inside a model while it read it, each character with its successors below.

const STEPS = 17; // of the colour scale, odd so that its middle is a step
const SHADES = 11; // of a successor's probability: tenths
const GATES = ["input", "forget", "output"];
// From the least to the greatest, blue to orange: these differ for every kind of colour blindness, and how far a colour is from
// the page's ground tells how far the value is from the middle. Probabilities have one hue, and only their depth tells.
const LIGHT = { s: ["#0a4a8f", "#5a9fd4", "#f7f7f5", "#f5a04c", "#9c4600"], p: ["#ffffff", "#d58cc4", "#7c1f6c"] };
const DARK = { s: ["#8cc8ff", "#2d6ca6", "#191919", "#a35a12", "#ffbe73"], p: ["#141414", "#86347a", "#f3a6e4"] };

const T = data.ids.length;
const decoded = new Map(); // blocks of bytes, once they were needed

function bytes(name) {
  if (!decoded.has(name)) {
    const text = atob($(`data-${name}`).textContent.trim());
    const found = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) found[i] = text.charCodeAt(i);
    decoded.set(name, found);
  }
  return decoded.get(name);
}

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

// --- what is shown ---

const state = { view: "neuron", ...data.first, successors: true, cursor: 0 };

/** The bytes (T) of a neuron, or null where the page leaves them out. */
function row(kind, layer, neuron) {
  const wanted = layer * data.hidden + neuron;
  const index = data.complete.includes(kind) ? wanted : data.listed.indexOf(wanted);
  return index < 0 ? null : bytes(kind).subarray(index * T, (index + 1) * T);
}

// --- colours ---

function mixed(anchors, share) {
  const at = share * (anchors.length - 1), low = Math.min(Math.floor(at), anchors.length - 2);
  const parts = [low, low + 1].map((i) => [1, 3, 5].map((k) => parseInt(anchors[i].slice(k, k + 2), 16)));
  return parts[0].map((part, i) => Math.round(part + (at - low) * (parts[1][i] - part)));
}

function luminance(rgb) {
  const [r, g, b] = rgb.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function palette(name, anchors, count) {
  return Array.from({ length: count }, (_, step) => {
    const rgb = mixed(anchors, step / (count - 1));
    return `.${name}${step}{background:rgb(${rgb});color:${luminance(rgb) > 0.179 ? "#000" : "#fff"}}`; // where both contrast alike
  }).join("");
}

const palettes = ({ s, p }) => palette("s", s, STEPS) + palette("p", p, SHADES);
const sheet = element("style", `${palettes(LIGHT)}@media (prefers-color-scheme: dark){${palettes(DARK)}}`);
document.head.append(sheet);

// --- characters ---

/** A character as something that can be seen, and that turns no line around. */
function visible(symbol) {
  if (symbol === "\n") return "↵";
  if (symbol === "\t") return "→";
  if (symbol === "") return "·"; // a byte that ends no character
  return [...symbol].map((c) => (/[\p{C}\p{Zl}\p{Zp}]/u.test(c) ? `\\u{${c.codePointAt(0).toString(16)}}` : c)).join("");
}

const named = (symbol) => (symbol === " " ? "space" : symbol === "\n" ? "line end" : symbol === "\t" ? "tab" : visible(symbol));

/** A character in the room of one; the panel tells those apart that look alike. */
function glyph(symbol) {
  if (symbol.startsWith("\\x")) return symbol.slice(2);
  if (symbol === " ") return "␣";
  if (symbol < " " && visible(symbol).length > 1) return String.fromCodePoint(0x2400 + symbol.codePointAt(0));
  const seen = visible(symbol);
  return seen.startsWith("\\u") ? "▯" : /^\p{M}/u.test(seen) ? `◌${seen}` : seen;
}

const glyphs = data.names.map(glyph);
const glyphClass = (text) => (/^[0-9a-f]{2}$/.test(text) ? "byte" : "");
const looks = new Map([...new Set(data.symbols)].map((symbol) => [symbol, { text: visible(symbol), width: 0 }]));

function spanOf(symbol) {
  const { text } = looks.get(symbol);
  return element("span", text, text === symbol ? "" : "mark");
}

// --- rows ---

// The text is cut into rows of one height, at its line ends and where a row is full, by widths that are measured once. So the place
// of each row is known without laying out any, and a long text is no slower than a short one: only rows on the screen, or nearly,
// have an element for each character, with its colour and successors. The others are plain text, for the browser's search.
const MARGIN = 300; // pixels around the screen
const HEIGHT = { true: 104, false: 24 }; // of a row with successors, and without
let rows = []; // of each its node, its characters from `begin` to before `end`, and their elements
let room = 0, height = 1; // of a row
const rowOf = new Int32Array(T);
const dressed = new Set(); // rows that have elements
let own = 0, cell = 0; // widths of a common character, and the least of one with successors

function measure() {
  const probe = element("div", "", "probe"), used = new Set(data.next.flatMap((next) => next.map(([id]) => id)));
  const zero = probe.appendChild(element("span", "0"));
  const below = [...used].map((id) => probe.appendChild(element("b", glyphs[id], glyphClass(glyphs[id]))));
  const all = [...looks].map(([symbol, look]) => [look, probe.appendChild(spanOf(symbol))]);
  $("text").append(probe);
  const width = (node) => node.getBoundingClientRect().width;
  own = width(zero);
  for (const [look, node] of all) look.width = width(node);
  cell = Math.ceil(Math.max(own + 4, ...below.map((node) => width(node) + 2)));
  probe.remove();
  $("text").style.setProperty("--own", `${own}px`);
  $("text").style.setProperty("--cell", `${cell}px`);
}

function widthOf(t) {
  const { width } = looks.get(data.symbols[t]);
  return state.successors ? Math.max(cell, width) : width;
}

/** The characters that begin a row: those after a line end and, where a row is full, after its last space, if that isn't far back. */
function begins() {
  const found = [0];
  let begin = 0, used = 0, behind = 0, usedBehind = 0; // `behind` is after the last space
  for (let t = 0; t < T; t++) {
    if (used + widthOf(t) > room && t > begin) {
      const atSpace = behind > begin && usedBehind > room / 2;
      used -= atSpace ? usedBehind : used;
      found.push((begin = atSpace ? behind : t));
    }
    used += widthOf(t);
    if (data.symbols[t] === " ") [behind, usedBehind] = [t + 1, used];
    if (data.symbols[t] === "\n" && t + 1 < T) [begin, used] = [found[found.push(t + 1) - 1], 0];
  }
  return found;
}

/** The width that a row may have. */
function roomNow() {
  const { paddingLeft, paddingRight } = getComputedStyle($("text"));
  return $("text").clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
}

/** Cut the text anew; the cursor, or else the first row, stays at its place on the screen. */
function layOut() {
  const box = $("text"), top = Math.floor(box.scrollTop / height), end = (box.scrollTop + box.clientHeight) / height;
  const here = rowOf[state.cursor], isSeen = !rows.length || (here >= top && here < end);
  const held = isSeen ? state.cursor : rows[Math.min(top, rows.length - 1)].begin;
  const offset = rowOf[held] * height - box.scrollTop;
  room = roomNow();
  height = HEIGHT[state.successors];
  const starts = begins();
  rows = starts.map((begin, i) => {
    const end = starts[i + 1] ?? T, node = element("div", plain(begin, end));
    rowOf.fill(i, begin, end);
    return { node, begin, end, spans: [] };
  });
  dressed.clear();
  box.classList.toggle("successors", state.successors);
  box.style.setProperty("--row", `${height}px`);
  box.replaceChildren(...rows.map(({ node }) => node));
  box.scrollTop = rowOf[held] * height - offset;
  dress();
}

const plain = (begin, end) => data.symbols.slice(begin, end).map((symbol) => looks.get(symbol).text).join("");

// --- painting ---

const painted = new Int8Array(T).fill(-1); // the step that each element has, to touch only those that change

function paint(t, step) {
  if (painted[t] === step) return;
  const one = rows[rowOf[t]], { classList } = one.spans[t - one.begin];
  if (painted[t] >= 0) classList.remove(`s${painted[t]}`);
  if (step >= 0) classList.add(`s${step}`);
  painted[t] = step;
}

/** Share of the largest -> a step in the upper half of the scale, by its root, as most shares are small. */
const gradientStep = (byte) => (STEPS - 1) / 2 + Math.round((Math.sqrt(byte / 255) * (STEPS - 1)) / 2);

/** The position, counted from 0 within the part, and the bytes of the characters before it. */
function gradientOf(t) {
  const W = data.window, window = t === 0 ? null : bytes("gradient").subarray((t - 1) * W, t * W);
  const size = Math.min(W, t);
  return { begin: t - size, shares: window ? window.subarray(W - size) : new Uint8Array() };
}

/** What each character's step is now: a function of its position. */
function steps() {
  if (state.view === "neuron") {
    const values = row(state.kind, state.layer, state.neuron);
    return (t) => (values ? Math.round((values[t] * (STEPS - 1)) / 255) : -1);
  }
  const { begin, shares } = gradientOf(state.cursor);
  return (t) => (t >= begin && t < begin + shares.length ? gradientStep(shares[t - begin]) : -1);
}

/** A column below each character of a row; the one that came is ringed. */
function successors({ begin, end }) {
  const all = element("div", "", "after");
  all.ariaHidden = "true"; // the panel says the same of one character
  for (let t = begin; t < end; t++) {
    const column = all.appendChild(document.createElement("i"));
    column.dataset.t = t;
    if (widthOf(t) > cell) column.style.width = `${widthOf(t)}px`;
    for (const [id, share] of data.next[t]) {
      const came = id === data.ids[t + 1] ? " came" : "";
      column.append(element("b", glyphs[id], `p${Math.round(share * (SHADES - 1))}${came} ${glyphClass(glyphs[id])}`));
    }
  }
  return all;
}

function putOn(one) {
  one.spans = data.symbols.slice(one.begin, one.end).map((symbol, i) => {
    const span = spanOf(symbol), { width } = looks.get(symbol);
    span.dataset.t = one.begin + i;
    if (width !== own) span.style.setProperty("--own", `${width}px`); // few: elements without a style of their own are faster
    return span;
  });
  painted.fill(-1, one.begin, one.end);
  one.node.replaceChildren(...one.spans, ...(state.successors ? [successors(one)] : []));
}

function takeOff(one) {
  one.spans = [];
  one.node.textContent = plain(one.begin, one.end);
}

/** Give the rows near the screen their elements and colours, and take them from the others. */
function dress(repainted = false) {
  const box = $("text"), step = steps();
  const first = Math.max(0, Math.floor((box.scrollTop - MARGIN) / height));
  const end = Math.min(rows.length, Math.ceil((box.scrollTop + box.clientHeight + MARGIN) / height));
  for (const i of dressed)
    if (i < first || i >= end) {
      takeOff(rows[i]);
      dressed.delete(i);
    }
  for (let i = first; i < end; i++) {
    const one = rows[i], isNew = !dressed.has(i);
    if (isNew) putOn(one);
    if (isNew || repainted) for (let t = one.begin; t < one.end; t++) paint(t, step(t));
    dressed.add(i);
  }
  mark();
}

let marked = null;
function mark() {
  const { begin, spans } = rows[rowOf[state.cursor]];
  marked?.classList.remove("here");
  marked = spans[state.cursor - begin];
  marked?.classList.add("here");
}
$("text").addEventListener("scroll", () => dress(), { passive: true });
