// What is said beside the text, what is chosen, and by which keys.

const valueOf = (byte, kind) => (GATES.includes(kind) ? byte / 255 : byte / 127.5 - 1);
const kindName = (kind) => (kind === "cell" ? "cell state (tanh)" : kind === "hidden" ? "hidden state" : kind === "candidate" ? kind : `${kind} gate`);

const isDark = matchMedia("(prefers-color-scheme: dark)");
const neuronName = () => `${state.layer}:${state.neuron} ${kindName(state.kind)}`;

// --- the panel of one character, and two lines of the same where the panel is out of sight ---

function showCharacter() {
  const t = state.cursor, rows = [element("div", named(data.symbols[t] || data.names[data.ids[t]]), "name")];
  const chance = data.probability[t], given = chance === null ? "" : `the model gave it ${percent(chance)}`;
  rows.push(element("p", `${data.per} ${(data.from + t).toLocaleString("en")}${given && `, ${given}`}`, "small"));
  let coloured = "", brief = "";
  if (state.view === "neuron") {
    const values = row(state.kind, state.layer, state.neuron);
    if (values) coloured = `${neuronName()}: ${valueOf(values[t], state.kind).toFixed(2).replace("-", "−")}`;
    brief = coloured.replace(" (tanh)", "");
  } else if (t > 0) {
    brief = `largest gradient ${data.largest[t - 1].toPrecision(3)}`;
    coloured = `its prediction rests on the ${Math.min(data.window, t)} ${data.per}s before it; ${brief}`;
  } else coloured = "nothing of the part stands before it";
  if (coloured) rows.push(element("p", coloured));
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
  const about = document.createElement("p"), next = element("p", "next: ");
  about.append(element("b", glyphs[data.ids[t]]), element("span", [given, brief].filter(Boolean).join(" · ")));
  for (const [id, share] of data.next[t]) next.append(element("b", glyphs[id]), element("span", percent(share)));
  $("readout").replaceChildren(about, next);
}

let column = null; // how far along their rows up and down keep the cursor
function moveTo(t, scroll = false, along = null) {
  state.cursor = t;
  column = along;
  if (scroll) rows[rowOf[t]].node.scrollIntoView({ block: "nearest" });
  if (state.view === "gradient") dress(true);
  else mark();
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
  $("low").textContent = isNeuron ? (signed ? "−1" : "0") : "rests on it not at all";
  $("high").textContent = isNeuron ? "1" : "most";
  $("chosen").textContent = isNeuron ? neuronName() : "what a prediction rests on";
  const first = isNeuron ? 0 : (STEPS - 1) / 2;
  $("scale").replaceChildren(...Array.from({ length: STEPS - first }, (_, i) => element("i", "", `s${first + i}`)));
  const left = isNeuron && !row(state.kind, state.layer, state.neuron);
  $("notice").textContent = left
    ? `This page holds the ${kindName(state.kind)} only of the ${data.listed.length} neurons that are listed; of fewer ${data.per}s (--length) it holds all.`
    : isNeuron ? "" : `Point at a ${data.per} or move to it: the ${isDark.matches ? "lighter" : "darker"} one of the ${data.window} before it, the more its prediction rests on that one (the square root of its gradient).`;
  for (const button of $("features").querySelectorAll("button"))
    button.ariaPressed = String(isNeuron && ["layer", "neuron", "kind"].every((key) => button.dataset[key] === String(state[key])));
  for (const dot of document.querySelectorAll("circle.chosen")) dot.classList.remove("chosen");
  if (isNeuron) for (const gate of GATES) $(`${gate}-${state.layer}-${state.neuron}`)?.classList.add("chosen");
}

function choose(changes) {
  Object.assign(state, changes);
  showChoice();
  dress(true);
  showCharacter();
}

function showFeatures() {
  const asked = $("search").value.trim().toLowerCase(), exact = asked.match(/^(\d{1,9}):(\d{1,9})$/);
  const layer = exact && +exact[1], neuron = exact && +exact[2], isIt = (one) => one.layer === layer && one.neuron === neuron;
  let found = data.features.filter((one) => `${one.feature} ${one.layer}:${one.neuron}`.toLowerCase().includes(asked));
  if (exact && layer < data.layers && neuron < data.hidden) {
    const listed = data.features.filter(isIt);
    found = [...(listed.length ? listed : [{ feature: "neuron", layer, neuron, kind: state.kind }]), ...found.filter((one) => !isIt(one))];
  }
  $("features").replaceChildren(...found.map((one) => {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    Object.assign(button.dataset, { layer: one.layer, neuron: one.neuron, kind: one.kind });
    const score = one.correlation === undefined ? "" : `${one.correlation < 0 ? "−" : "+"}${Math.abs(one.correlation).toFixed(3)}`;
    button.append(element("b", one.feature), element("span", `${one.layer}:${one.neuron}`), element("span", score));
    item.append(button);
    return item;
  }));
  const none = exact ? `neurons go from 0:0 to ${data.layers - 1}:${data.hidden - 1}` : data.features.length ? "nothing by this name" : "no feature changes in this text";
  if (!found.length) $("features").append(element("li", none));
  showChoice();
}

// --- events ---

$("features").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) choose({ view: "neuron", layer: +button.dataset.layer, neuron: +button.dataset.neuron, kind: button.dataset.kind });
});
$("search").addEventListener("input", showFeatures);
$("search").addEventListener("keydown", ({ key }) => {
  if (key === "Enter") $("features").querySelector("button")?.click();
});
$("pick").addEventListener("submit", (event) => event.preventDefault());
for (const radio of document.querySelectorAll("input[name=view]")) radio.addEventListener("change", () => choose({ view: radio.value }));
$("layer").addEventListener("change", () => choose({ layer: +$("layer").value }));
$("kind").addEventListener("change", () => choose({ kind: $("kind").value }));
$("neuron").addEventListener("input", () => {
  const asked = $("neuron").valueAsNumber;
  if (Number.isInteger(asked)) choose({ neuron: Math.max(0, Math.min(asked, data.hidden - 1)) });
});
$("neuron").addEventListener("change", showChoice);

function toggleSuccessors() {
  state.successors = !state.successors;
  $("successors").checked = state.successors;
  $("shades").style.visibility = state.successors ? "visible" : "hidden"; // keeps its place, that the text may keep its own
  layOut();
}
$("successors").addEventListener("change", toggleSuccessors);

let kept = 0; // where the cursor goes back to when the pointer leaves
const pointed = (event) => event.target.closest("[data-t]")?.dataset.t;
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

/** To the row that is `by` further on. */
function toRow(by) {
  const here = rowOf[state.cursor], one = rows[here + by], along = column ?? state.cursor - rows[here].begin;
  moveTo((kept = one ? Math.min(one.begin + along, one.end - 1) : state.cursor), true, along);
}

function stepNeuron(by) {
  const count = data.layers * data.hidden, next = (state.layer * data.hidden + state.neuron + by + count) % count;
  choose({ view: "neuron", layer: Math.floor(next / data.hidden), neuron: next % data.hidden });
}

$("text").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { begin, end } = rows[rowOf[state.cursor]], moves = {
    ArrowLeft: () => Math.max(0, state.cursor - 1),
    ArrowRight: () => Math.min(T - 1, state.cursor + 1),
    Home: () => begin,
    End: () => end - 1,
  };
  if (moves[event.key]) moveTo((kept = moves[event.key]()), true);
  else if (event.key === "ArrowUp" || event.key === "ArrowDown") toRow(event.key === "ArrowUp" ? -1 : 1);
  else if (event.key === "n" || event.key === "p") stepNeuron(event.key === "n" ? 1 : -1);
  else if (event.key === "g") choose({ view: state.view === "neuron" ? "gradient" : "neuron" });
  else if (event.key === "s") toggleSuccessors();
  else return;
  event.preventDefault();
});

// --- a small screen, and the other scheme ---

const isSmall = matchMedia("(max-width: 820px), (max-height: 600px)"), fold = () => ($("fold").open = !isSmall.matches);
isSmall.addEventListener("change", fold);
isDark.addEventListener("change", showChoice);

// --- begin ---

fold();

const readBefore = data.context ? `; ${data.context.toLocaleString("en")} before them were read too` : "";
const loss = data.validation === null ? "" : `, validation loss ${data.validation.toFixed(3)} nats per ${data.per}`;
$("about").textContent = `${data.layers} ${data.layers === 1 ? "layer" : "layers"} × ${data.hidden} neurons${loss}. Here: ${data.per}s ${data.from.toLocaleString("en")} to ${(data.from + T - 1).toLocaleString("en")}, counted from 0${readBefore}. Values have 255 steps; --json has them in full.`;
for (let layer = 0; layer < data.layers; layer++) $("layer").append(new Option(layer, layer));
for (const kind of data.kinds) $("kind").append(new Option(kindName(kind), kind));
$("neuron").max = data.hidden - 1;
$("search").placeholder = data.features.length ? `${data.features[0].feature}, ${data.features[0].layer}:${data.features[0].neuron} ...` : "0:0 ...";
$("shades").querySelector("span").append(...Array.from({ length: SHADES }, (_, step) => element("i", "", `p${step}`)));
measure();
layOut();
showSaturation();
showFeatures();
moveTo(0);
choose({});
const listed = $("features").querySelector("button[aria-pressed=true]");
if (listed) $("features").scrollTop = listed.offsetTop;
new ResizeObserver(() => (roomNow() === room ? dress() : layOut())).observe($("text"));
