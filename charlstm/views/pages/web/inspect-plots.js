// --- how often gates are all but shut or open ---

function svg(tag, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

/** What a dot says. */
function shares(gate, layer, neuron) {
  const { below, above } = data.saturation[gate];
  return `${layer}:${neuron}: below 0.1 at ${percent(below[layer][neuron])}, above 0.9 at ${percent(above[layer][neuron])}`;
}

const plots = {}; // of each gate its dots, and the one that the keyboard is at

function showSaturation() {
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  for (const gate of GATES) {
    const { below, above } = data.saturation[gate];
    const node = svg("svg", { viewBox: "-6 -6 112 122", tabindex: 0, role: "application", "aria-describedby": "dot keys" });
    node.append(svg("path", { d: "M0 0V100H100Z", class: "frame" }), svg("text", { x: 0, y: 112 }, "0"), svg("text", { x: 92, y: 112 }, "1"));
    node.setAttribute("aria-label", `${gate} gate: a dot for each neuron, by how often it is all but open and all but shut`);
    const dots = [];
    for (let layer = 0; layer < data.layers; layer++)
      for (let neuron = 0; neuron < data.hidden; neuron++) {
        const x = 100 * above[layer][neuron], y = 100 - 100 * below[layer][neuron];
        const dot = svg("circle", { cx: x, cy: y, r: 2, class: `layer-${layer % 3}`, id: `${gate}-${layer}-${neuron}` });
        dot.append(svg("title", {}, shares(gate, layer, neuron)));
        Object.assign(dot.dataset, { layer, neuron, kind: gate });
        node.append(dot);
        dots.push([x, y]);
      }
    const ring = node.appendChild(svg("circle", { r: 5, class: "ring" }));
    plots[gate] = { dots, ring, at: 0 };
    const figure = document.createElement("figure"), caption = element("figcaption", `${gate} gate`);
    for (let layer = 0; layer < data.layers; layer++)
      caption.append(element("div", `layer ${layer}: ${(100 * mean(below[layer])).toFixed(0)}% < 0.1, ${(100 * mean(above[layer])).toFixed(0)}% > 0.9`, `layer-${layer % 3}`));
    figure.append(node, caption);
    $("saturation").append(figure);
    node.addEventListener("focus", () => pointAt(gate, state.layer * data.hidden + state.neuron));
    node.addEventListener("blur", () => ($("dot").textContent = ""));
    node.addEventListener("keydown", (event) => walk(event, gate));
    node.addEventListener("click", ({ target: { dataset: { layer, neuron } } }) => {
      if (layer !== undefined) showDot(gate, +layer * data.hidden + +neuron);
    });
  }
}

function pointAt(gate, at) {
  const { dots, ring } = plots[gate];
  plots[gate].at = at;
  ring.setAttribute("cx", dots[at][0]);
  ring.setAttribute("cy", dots[at][1]);
  $("dot").textContent = `${gate} gate of ${shares(gate, Math.floor(at / data.hidden), at % data.hidden)}`;
}

function showDot(gate, at) {
  pointAt(gate, at);
  choose({ view: "neuron", kind: gate, layer: Math.floor(at / data.hidden), neuron: at % data.hidden });
}

const WAYS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 1], ArrowUp: [1, -1] }; // an axis, and which way

/** The nearest dot within 45 degrees of a way; of dots at one place, as many are, the next by number. */
function nextDot(dots, at, [axis, way]) {
  let best = at, nearest = Infinity;
  dots.forEach((dot, i) => {
    const along = way * (dot[axis] - dots[at][axis]), across = Math.abs(dot[1 - axis] - dots[at][1 - axis]);
    const isAhead = along > 0 || (along === 0 && way * (i - at) > 0), distance = along * along + across * across;
    const isNearer = distance < nearest || (distance === nearest && Math.abs(i - at) < Math.abs(best - at));
    if (isAhead && across <= along && isNearer) [best, nearest] = [i, distance];
  });
  return best;
}

function walk(event, gate) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { dots, at } = plots[gate];
  if (WAYS[event.key]) pointAt(gate, nextDot(dots, at, WAYS[event.key]));
  else if (event.key === "Enter") showDot(gate, at);
  else return;
  event.preventDefault();
}
