// The graph of a pipeline: asks for a new picture while it can be seen, and lets one choose a stage
// by mouse or keyboard.

const EVERY_MS = 250;
const LOST_MS = 2000;

/**
 * How long to wait before asking for a new picture, in ms; null while nobody sees it.
 * @param {number} now
 * @param {number} asked when it was asked last
 * @param {boolean} isAnswered
 * @param {boolean} isVisible
 */
export function patience(now, asked, isAnswered, isVisible) {
  if (!isVisible) return null;
  return Math.max(0, asked + (isAnswered ? EVERY_MS : LOST_MS) - now);
}

/**
 * The stage that an arrow key leads to, or null.
 * @param {string[]} stages in order
 * @param {string} from
 * @param {string} key
 */
export function neighbour(stages, from, key) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
  if (key === "Home") return stages[0] ?? null;
  if (key === "End") return stages.at(-1) ?? null;
  return step === undefined ? null : (stages[stages.indexOf(from) + step] ?? null);
}

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el }) {
  const stop = new AbortController();
  const { signal } = stop;
  el.classList.add("dh-graph-view");
  const boxes = () => [...el.querySelectorAll("[data-stage]")];
  const nameOf = (node) => node.closest?.("[data-stage]")?.getAttribute("data-stage") ?? null;

  // One box can be reached by Tab, the others from it by arrow keys.
  const mark = (within = null) => {
    const selected = model.get("selected");
    const all = boxes();
    const names = all.map(nameOf);
    const entry = within ?? (names.includes(selected) ? selected : names[0]);
    for (const box of all) {
      const isSelected = nameOf(box) === selected;
      box.setAttribute("data-lm-suppress-shortcuts", "true"); // "x" must not cut the cell
      box.classList.toggle("dh-selected", isSelected);
      box.setAttribute("aria-pressed", String(isSelected));
      box.setAttribute("tabindex", nameOf(box) === entry ? "0" : "-1");
    }
  };
  const draw = () => {
    const focused = el.contains(document.activeElement) ? nameOf(document.activeElement) : null;
    const parsed = new DOMParser().parseFromString(model.get("picture"), "image/svg+xml");
    if (parsed.querySelector("parsererror")) return;
    el.replaceChildren(document.adoptNode(parsed.documentElement));
    mark(focused);
    if (focused) boxes().find((box) => nameOf(box) === focused)?.focus();
  };
  const choose = (name) => {
    model.set("selected", name === model.get("selected") ? "" : name);
    model.save_changes();
  };
  el.addEventListener("click", (event) => nameOf(event.target) && choose(nameOf(event.target)), {
    signal,
  });
  el.addEventListener(
    "keydown",
    (event) => {
      const name = nameOf(event.target);
      if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Enter" || event.key === " ") choose(name);
      else {
        const next = neighbour(boxes().map(nameOf), name, event.key);
        if (!next) return;
        mark(next);
        boxes().find((box) => nameOf(box) === next)?.focus();
      }
      event.preventDefault();
      event.stopPropagation();
    },
    { signal },
  );

  let isSeen = false;
  let asked = -Infinity;
  let isAnswered = true;
  let timer = 0;
  const plan = () => {
    clearTimeout(timer);
    const wait = patience(performance.now(), asked, isAnswered, isSeen);
    if (wait !== null) timer = setTimeout(ask, wait);
  };
  const ask = () => {
    asked = performance.now();
    isAnswered = false;
    model.send({ t: "look" });
    plan();
  };
  const heard = (message) => {
    if (message?.t !== "looked") return;
    isAnswered = true;
    plan();
  };
  const endWatching = watchSeen(el, (isSeenNow) => {
    isSeen = isSeenNow;
    plan();
  });
  const marked = () => mark();
  model.on("msg:custom", heard);
  model.on("change:picture", draw);
  model.on("change:selected", marked);
  draw();

  return () => {
    stop.abort();
    endWatching();
    clearTimeout(timer);
    model.off("msg:custom", heard);
    model.off("change:picture", draw);
    model.off("change:selected", marked);
  };
}

export default { render };
