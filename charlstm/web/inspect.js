"use strict";
// Colours a text by what went on inside a model while it read it. The data lie in the page; nothing is loaded, and what
// comes from a text or a model is only ever set as the text of a node.

const STEPS = 17; // of the colour scale, odd so that its middle is a step
const GATES = ["input", "forget", "output"];
// From the least to the greatest, blue to orange: these differ for every kind of colour blindness, and how far a colour is from
// the page's ground tells how far the value is from the middle.
const LIGHT = ["#0a4a8f", "#5a9fd4", "#f7f7f5", "#f5a04c", "#9c4600"];
const DARK = ["#8cc8ff", "#2d6ca6", "#191919", "#a35a12", "#ffbe73"];

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
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

// --- what is shown ---

const state = { view: "neuron", ...data.first, cursor: 0 };

/** The bytes (T) of a neuron, or null where the page leaves them out. */
function row(kind, layer, neuron) {
  const wanted = layer * data.hidden + neuron;
  const index = data.complete.includes(kind) ? wanted : data.listed.indexOf(wanted);
  return index < 0 ? null : bytes(kind).subarray(index * T, (index + 1) * T);
}

const valueOf = (byte, kind) => (GATES.includes(kind) ? byte / 255 : byte / 127.5 - 1);
const kindName = (kind) => (kind === "cell" ? "cell state (tanh)" : kind === "hidden" ? "hidden state" : kind === "candidate" ? kind : `${kind} gate`);

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

function palette(anchors) {
  return Array.from({ length: STEPS }, (_, step) => {
    const rgb = mixed(anchors, step / (STEPS - 1));
    return `.s${step}{background:rgb(${rgb});color:${luminance(rgb) > 0.179 ? "#000" : "#fff"}}`; // where both contrast alike
  }).join("");
}

const sheet = document.createElement("style");
sheet.textContent = `${palette(LIGHT)}@media (prefers-color-scheme: dark){${palette(DARK)}}`;
document.head.append(sheet);

// --- the text ---

/** A character as something that can be seen, and that turns no line around. */
function visible(symbol) {
  if (symbol === "\n") return "↵";
  if (symbol === "\t") return "→";
  if (symbol === "") return "·"; // a byte that ends no character
  return [...symbol].map((c) => (/[\p{C}\p{Zl}\p{Zp}]/u.test(c) ? `\\u{${c.codePointAt(0).toString(16)}}` : c)).join("");
}

const named = (symbol) => (symbol === " " ? "space" : symbol === "\n" ? "line end" : symbol === "\t" ? "tab" : visible(symbol));

const spans = [];
const painted = new Int8Array(T).fill(-1); // the step that each span has, to touch only those that change
const lineOf = [];
{
  const all = document.createDocumentFragment();
  let line = document.createElement("div"), count = 0;
  data.symbols.forEach((symbol, t) => {
    const span = document.createElement("span");
    span.textContent = visible(symbol);
    span.dataset.t = t;
    if (span.textContent !== symbol) span.classList.add("mark");
    spans.push(span);
    lineOf.push(count);
    line.append(span);
    if (symbol === "\n") {
      all.append(line);
      line = document.createElement("div");
      count++;
    }
  });
  all.append(line);
  $("text").append(all);
}

function paint(t, step) {
  if (painted[t] === step) return;
  const classes = spans[t].classList;
  if (painted[t] >= 0) classes.remove(`s${painted[t]}`);
  if (step >= 0) classes.add(`s${step}`);
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

// Only lines on the screen, or nearly, are painted; the others when they come there. So a long text is no slower than a short one.
const onScreen = new Set();
const paintLine = (line, step) => { for (const span of line.children) paint(+span.dataset.t, step(+span.dataset.t)); };
function repaint() {
  const step = steps();
  for (const line of onScreen) paintLine(line, step);
}
const watcher = new IntersectionObserver((entries) => {
  const step = steps();
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) paintLine(target, step);
    onScreen[isIntersecting ? "add" : "delete"](target);
  }
}, { root: $("text"), rootMargin: "400px" });
for (const line of $("text").children) watcher.observe(line);

// --- the panel of one character ---

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

const percent = (share) => (share >= 0.9995 ? "100%" : share < 0.0005 ? "< 0.1%" : `${(100 * share).toFixed(1)}%`);

function showCharacter() {
  const t = state.cursor, rows = [element("div", named(data.symbols[t] || data.names[data.ids[t]]), "name")];
  const chance = data.probability[t];
  rows.push(element("p", `${data.per} ${(data.from + t).toLocaleString("en")}${chance === null ? "" : `, which had ${percent(chance)}`}`, "small"));
  if (state.view === "neuron") {
    const values = row(state.kind, state.layer, state.neuron);
    if (values) rows.push(element("p", `${state.layer}:${state.neuron} ${kindName(state.kind)}: ${valueOf(values[t], state.kind).toFixed(2).replace("-", "−")}`));
  } else if (t > 0) {
    const largest = data.largest[t - 1];
    rows.push(element("p", `its prediction rests on the ${Math.min(data.window, t)} ${data.per}s before it; largest gradient ${largest.toPrecision(3)}`));
  } else rows.push(element("p", "nothing of the part stands before it"));
  rows.push(element("h2", "Next, most probable first"));
  const table = document.createElement("table");
  for (const [id, share] of data.next[t]) {
    const line = table.insertRow(), bar = element("div", "", "bar");
    line.append(element("td", named(data.names[id]), "glyph"), element("td", percent(share), "number"), document.createElement("td"));
    bar.style.width = `${100 * share}%`;
    line.lastChild.append(bar);
  }
  rows.push(table);
  $("character").replaceChildren(...rows);
}

let marked = null;
function moveTo(t, scroll = false) {
  state.cursor = t;
  if (marked) marked.classList.remove("here");
  marked = spans[t];
  marked.classList.add("here");
  if (scroll) marked.scrollIntoView({ block: "nearest" });
  if (state.view === "gradient") repaint();
  showCharacter();
}

// --- choosing ---

function showChoice() {
  const isNeuron = state.view === "neuron", signed = !GATES.includes(state.kind);
  document.querySelector(`input[name=view][value=${state.view}]`).checked = true;
  $("which").hidden = !isNeuron;
  $("layer").value = state.layer;
  $("neuron").value = state.neuron;
  $("kind").value = state.kind;
  $("low").textContent = isNeuron ? (signed ? "−1" : "0") : "no share";
  $("high").textContent = isNeuron ? "1" : "the largest";
  const first = isNeuron ? 0 : (STEPS - 1) / 2;
  $("scale").replaceChildren(...Array.from({ length: STEPS - first }, (_, i) => element("i", "", `s${first + i}`)));
  const left = isNeuron && !row(state.kind, state.layer, state.neuron);
  $("notice").textContent = left
    ? `This page holds the ${kindName(state.kind)} only of the ${data.listed.length} neurons that are listed; of fewer ${data.per}s (--length) it holds all.`
    : isNeuron ? "" : `Point at a ${data.per} or move to it: the ${data.window} before it are coloured by the root of their share in the largest gradient.`;
  for (const button of $("features").querySelectorAll("button"))
    button.ariaPressed = String(isNeuron && ["layer", "neuron", "kind"].every((key) => button.dataset[key] === String(state[key])));
  for (const dot of document.querySelectorAll("circle.chosen")) dot.classList.remove("chosen");
  if (isNeuron) for (const gate of GATES) $(`${gate}-${state.layer}-${state.neuron}`)?.classList.add("chosen");
}

function choose(changes) {
  Object.assign(state, changes);
  showChoice();
  repaint();
  showCharacter();
}

function showFeatures() {
  const asked = $("search").value.trim().toLowerCase(), exact = asked.match(/^(\d{1,9}):(\d{1,9})$/);
  let found = data.features.filter((one) => `${one.feature} ${one.layer}:${one.neuron}`.toLowerCase().includes(asked));
  if (exact && !found.length && +exact[1] < data.layers && +exact[2] < data.hidden)
    found = [{ feature: "neuron", layer: +exact[1], neuron: +exact[2], kind: state.kind }];
  $("features").replaceChildren(...found.map((one) => {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    Object.assign(button.dataset, { layer: one.layer, neuron: one.neuron, kind: one.kind });
    const score = one.correlation === undefined ? "" : `${one.correlation < 0 ? "−" : "+"}${Math.abs(one.correlation).toFixed(3)}`;
    button.append(element("b", one.feature), element("span", `${one.layer}:${one.neuron}`), element("span", score));
    item.append(button);
    return item;
  }));
  if (!found.length) $("features").append(element("li", data.features.length ? "nothing by this name" : "no feature changes in this text"));
  showChoice();
}

// --- saturation ---

function svg(tag, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

function showSaturation() {
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  for (const gate of GATES) {
    const { below, above } = data.saturation[gate], plot = svg("svg", { viewBox: "-6 -6 112 122" });
    plot.append(svg("path", { d: "M0 0V100H100Z", class: "frame" }), svg("text", { x: 0, y: 112 }, "0"), svg("text", { x: 92, y: 112 }, "1"));
    for (let layer = 0; layer < data.layers; layer++)
      for (let neuron = 0; neuron < data.hidden; neuron++) {
        const dot = svg("circle", { cx: 100 * above[layer][neuron], cy: 100 - 100 * below[layer][neuron], r: 2, class: `layer-${layer % 3}`, id: `${gate}-${layer}-${neuron}` });
        dot.append(svg("title", {}, `${layer}:${neuron}: below 0.1 at ${percent(below[layer][neuron])}, above 0.9 at ${percent(above[layer][neuron])}`));
        Object.assign(dot.dataset, { layer, neuron, kind: gate });
        plot.append(dot);
      }
    const figure = document.createElement("figure"), caption = element("figcaption", `${gate} gate`);
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", `${gate} gate: a dot for each neuron, by how often it is all but open and all but shut`);
    for (let layer = 0; layer < data.layers; layer++)
      caption.append(element("div", `layer ${layer}: ${(100 * mean(below[layer])).toFixed(0)}% < 0.1, ${(100 * mean(above[layer])).toFixed(0)}% > 0.9`, `layer-${layer % 3}`));
    figure.append(plot, caption);
    $("saturation").append(figure);
  }
}

// --- events ---

const chosenBy = (node) => ({ view: "neuron", layer: +node.dataset.layer, neuron: +node.dataset.neuron, kind: node.dataset.kind });
$("features").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) choose(chosenBy(button));
});
$("saturation").addEventListener("click", (event) => {
  if (event.target.dataset.kind) choose(chosenBy(event.target));
});
$("search").addEventListener("input", showFeatures);
$("pick").addEventListener("submit", (event) => event.preventDefault());
for (const radio of document.querySelectorAll("input[name=view]")) radio.addEventListener("change", () => choose({ view: radio.value }));
$("layer").addEventListener("change", () => choose({ layer: +$("layer").value }));
$("kind").addEventListener("change", () => choose({ kind: $("kind").value }));
$("neuron").addEventListener("input", () => {
  const asked = $("neuron").valueAsNumber;
  if (Number.isInteger(asked) && asked >= 0 && asked < data.hidden) choose({ neuron: asked });
});
$("neuron").addEventListener("change", showChoice);

let kept = 0; // where the cursor goes back to when the pointer leaves
const pointed = (event) => event.target.closest("span[data-t]")?.dataset.t;
// Not pointerover: that also comes when the text scrolls under a pointer at rest, and would take the cursor from the keyboard.
$("text").addEventListener("pointermove", (event) => {
  const t = pointed(event);
  if (t !== undefined && +t !== state.cursor) moveTo(+t);
});
$("text").addEventListener("pointerleave", () => moveTo(kept));
$("text").addEventListener("click", (event) => {
  const t = pointed(event);
  if (t !== undefined) moveTo((kept = +t));
});

/** The position in a line that is `by` further on, as far along it as now. */
function inLine(by) {
  const line = lineOf[state.cursor] + by, begin = lineOf.indexOf(line);
  if (begin < 0) return state.cursor;
  return Math.min(begin + state.cursor - lineOf.indexOf(lineOf[state.cursor]), lineOf.lastIndexOf(line));
}

function stepNeuron(by) {
  const count = data.layers * data.hidden, next = (state.layer * data.hidden + state.neuron + by + count) % count;
  choose({ view: "neuron", layer: Math.floor(next / data.hidden), neuron: next % data.hidden });
}

$("text").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const line = lineOf[state.cursor], moves = {
    ArrowLeft: () => Math.max(0, state.cursor - 1),
    ArrowRight: () => Math.min(T - 1, state.cursor + 1),
    ArrowUp: () => inLine(-1),
    ArrowDown: () => inLine(1),
    Home: () => lineOf.indexOf(line),
    End: () => lineOf.lastIndexOf(line),
  };
  if (moves[event.key]) moveTo((kept = moves[event.key]()), true);
  else if (event.key === "n" || event.key === "p") stepNeuron(event.key === "n" ? 1 : -1);
  else if (event.key === "g") choose({ view: state.view === "neuron" ? "gradient" : "neuron" });
  else return;
  event.preventDefault();
});

// --- begin ---

document.title = `${data.title} - charlstm inspect`;
$("title").textContent = data.title;
const readBefore = data.context ? `; ${data.context.toLocaleString("en")} before them were read too` : "";
$("about").textContent = `${data.per}s ${data.from.toLocaleString("en")} to ${(data.from + T - 1).toLocaleString("en")}, ${data.layers} × ${data.hidden} neurons, counted from 0${readBefore}. Values are rounded to 255 steps; --json gives them in full.`;
for (let layer = 0; layer < data.layers; layer++) $("layer").append(new Option(layer, layer));
for (const kind of data.kinds) $("kind").append(new Option(kindName(kind), kind));
$("neuron").max = data.hidden - 1;
showSaturation();
showFeatures();
moveTo(0);
choose({});
const fit = () => document.documentElement.style.setProperty("--top", `${document.querySelector("header").offsetHeight}px`);
addEventListener("resize", fit);
fit();
