const state = { at: data.at, layer: data.layer, neuron: data.neuron };  // neuron null: the one that changed most
const SVG = "http://www.w3.org/2000/svg";
const NAMES = { "\n": "\u21b5", " ": "\u2423", "\t": "\u21e5", "\r": "\u240d" };
const shown = (symbol) => NAMES[symbol] ?? (/[\p{Cc}\p{Cf}\p{Cs}]/u.test(symbol) ? "\\u" + symbol.charCodeAt(0).toString(16).padStart(4, "0") : symbol);
const text = (number) => String(number);
const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
const signed = (number) => number < 0 ? `(${number})` : text(number);

function make(parent, name, attributes = {}, content = null, space = null) {
  const node = space ? document.createElementNS(space, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (content !== null) node.textContent = content;
  parent.append(node);
  return node;
}

const svg = $("diagram");
const draw = (name, attributes, content) => make(svg, name, attributes, content, SVG);
const fields = {}, bars = {};

function line(points) { draw("polyline", { class: "wire", points, "marker-end": "url(#arrow)" }); }
function label(x, y, content, anchor = "middle") { draw("text", { class: "name", x, y, "text-anchor": anchor }, content); }
function field(name, x, y, anchor = "middle") {
  fields[name] = draw("text", { class: "number", x, y, "text-anchor": anchor, "data-value": name });
}
function bar(name, x, y, width, isGate) {
  draw("rect", { class: "track", x, y, width, height: 10, rx: 2 });
  const filled = draw("rect", { y, height: 10, rx: 2, class: "gate" });
  if (!isGate) draw("line", { class: "wire", x1: x + width / 2, x2: x + width / 2, y1: y - 2, y2: y + 12 });
  bars[name] = (value) => {
    const half = width / 2, size = Math.min(1, Math.abs(value));
    filled.setAttribute("width", size * (isGate ? width : half));
    filled.setAttribute("x", isGate ? x : value < 0 ? x + half - size * half : x + half);
    filled.setAttribute("class", isGate ? "gate" : value < 0 ? "down" : "up");
  };
}
function operation(x, y, sign) {
  draw("circle", { class: "round", cx: x, cy: y, r: 17 });
  draw("text", { x, y: y + 6, "text-anchor": "middle", style: "font-size:19px" }, sign);
}

function diagram() {
  const marker = draw("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" });
  make(marker, "path", { d: "M0 0 L8 4 L0 8 z", style: "fill:var(--line)" }, null, SVG);
  draw("rect", { class: "cell", x: 130, y: 20, width: 690, height: 375, rx: 16 });
  for (const [name, x1, x2] of [["cell_before", 20, 213], ["kept", 247, 443], ["cell", 477, 940]])
    bars[`belt_${name}`] = (width => (value) => {
      width.setAttribute("stroke-width", 3 + 9 * Math.tanh(Math.abs(value)));
      width.setAttribute("class", value < 0 ? "down" : "up");
    })(draw("line", { x1, x2, y1: 70, y2: 70 }));
  const gates = [["forget", 230, "f", "sigmoid", "forget gate"], ["input", 370, "i", "sigmoid", "input gate"],
    ["candidate", 515, "g", "tanh", "candidate"], ["output", 660, "o", "sigmoid", "output gate"]];
  line("20,372 660,372 660,337");
  line("70,425 70,372");
  for (const [name, x, letter, form, title] of gates) {
    if (name !== "output") line(`${x},372 ${x},337`);
    draw("rect", { class: "box", x: x - 60, y: 252, width: 120, height: 82, rx: 7 });
    label(x, 270, title);
    field(`${name}_sum`, x, 290);
    label(x, 307, form);
    bar(name, x - 45, 316, 90, name !== "candidate");
    field(name, x + 6, 243);
    draw("text", { x: x - 58, y: 243 }, letter);
  }
  line("230,226 230,90");
  line("370,226 370,160 440,160");
  line("515,226 515,160 480,160");
  line("460,142 460,90");
  line("745,76 745,128");
  line("745,168 745,186");
  line("660,226 660,205 725,205");
  line("745,222 745,360 940,360");
  operation(230, 70, "\u00d7"); operation(460, 70, "+"); operation(460, 160, "\u00d7"); operation(745, 205, "\u00d7");
  draw("rect", { class: "box", x: 710, y: 131, width: 70, height: 36, rx: 7 });
  draw("text", { x: 745, y: 154, "text-anchor": "middle" }, "tanh");
  label(70, 40, "c, before"); field("cell_before", 70, 57);
  label(345, 40, "kept: f \u00d7 c"); field("kept", 345, 57);
  label(470, 120, "written: i \u00d7 g", "start"); field("written", 470, 139, "start");
  label(600, 40, "c', the conveyor belt"); field("cell", 600, 57);
  field("cell_tanh", 733, 184, "end");
  label(880, 40, "to the next step");
  label(80, 345, "h, before"); field("hidden_before", 80, 362);
  label(80, 420, "x", "start"); fields.symbol = draw("text", { class: "number", x: 95, y: 420 });
  label(300, 390, "[h, x] goes to all four");
  label(880, 330, "h'"); field("hidden", 880, 349); bar("hidden", 835, 372, 90, false);
}

function neuronOf(step) { return state.neuron ?? step.changed_most[0]; }

function equation(list, left, right, note) {
  const item = make(list, "li", {}, `${left} = ${right} `);
  make(item, "span", {}, note);
}

function show() {
  const step = data.layers[state.layer][state.at], neuron = neuronOf(step), v = {};
  for (const [name, column] of Object.entries(step.neurons)) v[name] = column[neuron];
  for (const [name, value] of Object.entries(v)) { if (fields[name]) fields[name].textContent = text(value); bars[name]?.(value); }
  for (const name of ["cell_before", "kept", "cell"]) bars[`belt_${name}`](v[name]);
  fields.symbol.textContent = state.layer ? `h' of layer ${state.layer - 1}` : shown(data.text[state.at]);
  [...$("text").children].forEach((button, index) => {
    button.toggleAttribute("aria-current", index === state.at);
    button.classList.toggle("ahead", index > state.at);
  });
  $("text").children[state.at].scrollIntoView({ block: "nearest" });
  $("back").disabled = state.at === 0;
  $("forth").disabled = state.at === data.text.length - 1;
  $("layer").value = state.layer;
  $("neuron").value = neuron;
  $("most").setAttribute("aria-pressed", state.neuron === null);
  $("where").textContent = `Layer ${state.layer} reads ${data.per} ${state.at}, \u201c${shown(data.text[state.at])}\u201d. Neuron ${neuron} (of 0 to ` +
    `${data.hidden_size - 1})${state.neuron === null ? ", the one whose cell state changed most" : ""}. Each W is ${data.hidden_size} \u00d7 ` +
    `${data.hidden_size + data.input_sizes[state.layer]}.`;
  const list = $("equations"), sums = (name) => text(v[`${name}_sum`]);
  list.replaceChildren();
  equation(list, "f", `sigmoid(${sums("forget")}) = ${v.forget}`, "forget gate: of the cell state it keeps so much");
  equation(list, "i", `sigmoid(${sums("input")}) = ${v.input}`, "input gate (update gate): of the candidate it writes so much");
  equation(list, "g", `tanh(${sums("candidate")}) = ${v.candidate}`, "candidate (C~, c^): what could be written");
  equation(list, "o", `sigmoid(${sums("output")}) = ${v.output}`, "output gate: of tanh(c') it shows so much");
  equation(list, "c'", `${v.forget} \u00d7 ${signed(v.cell_before)} + ${v.input} \u00d7 ${signed(v.candidate)} = ${v.cell}`, "cell state (memory cell)");
  equation(list, "h'", `${v.output} \u00d7 tanh(${v.cell}) = ${v.hidden}`, "hidden state (activation, a)");
  const words = { forget: ["keep", "erase more than half"], input: ["write", "write less than half"], output: ["show", "show less than half"] };
  $("gates").replaceChildren();
  for (const [gate, form] of Object.entries(words)) {
    const figures = step.gates[gate];
    const row = make($("gates"), "tr");
    make(row, "td", {}, gate);
    make(row, "td", { class: "words" }, `${figures["above_0.9"]} ${form[0]} more than 90%, ${figures["below_0.5"]} ${form[1]}; mean ${figures.mean}`);
  }
  $("next").replaceChildren();
  for (const [symbol, share] of data.next[state.at]) {
    const row = make($("next"), "tr"), came = data.text[state.at + 1] === symbol;
    make(row, "td", {}, shown(symbol));
    make(row, "td", {}, percent(share));
    const cell = make(row, "td", { class: "words" });
    make(cell, "span", { class: "bar gate", style: `width:${6 * share}rem` });
    make(cell, "span", { class: "hint" }, came ? " \u2190 came" : "");
  }
  $("changed").replaceChildren();
  for (const one of step.changed_most) {
    const row = make($("changed"), "tr"), neurons = step.neurons;
    make(make(row, "td"), "button", { type: "button" }, one).addEventListener("click", () => { state.neuron = one; show(); });
    for (const name of ["forget", "cell_before", "cell"]) make(row, "td", {}, text(neurons[name][one]));
  }
}

function go(at) { state.at = Math.max(0, Math.min(data.text.length - 1, at)); show(); }
function choose(neuron) { state.neuron = Math.max(0, Math.min(data.hidden_size - 1, neuron)); show(); }
function most() { state.neuron = null; show(); }

diagram();
data.text.forEach((symbol, index) => {
  make($("text"), "button", { type: "button", tabindex: "-1", title: `${data.per} ${index}` }, shown(symbol)).addEventListener("click", () => go(index));
});
data.layers.forEach((_, index) => make($("layer"), "option", { value: index }, index));
$("neuron").max = data.hidden_size - 1;
$("sizes").textContent = `${plural(data.layers.length, "layer")} of ${plural(data.hidden_size, "neuron")}, a vocabulary of ${plural(data.vocabulary_size, data.per)}`;
$("back").addEventListener("click", () => go(state.at - 1));
$("forth").addEventListener("click", () => go(state.at + 1));
$("most").addEventListener("click", most);
$("layer").addEventListener("change", (event) => { state.layer = Number(event.target.value); event.target.blur(); show(); });
$("neuron").addEventListener("change", (event) => { if (event.target.value !== "") choose(Math.trunc(Number(event.target.value))); else show(); });
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const neuron = neuronOf(data.layers[state.layer][state.at]);
  const keys = {
    ArrowLeft: () => go(state.at - 1), ArrowRight: () => go(state.at + 1), Home: () => go(0), End: () => go(data.text.length - 1),
    ArrowUp: () => choose(neuron + 1), ArrowDown: () => choose(neuron - 1), m: most,
    l: () => { state.layer = (state.layer + 1) % data.layers.length; show(); },
  };
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act) { event.preventDefault(); act(); }
});
show();
