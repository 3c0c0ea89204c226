// Adds to a page that reads without it: tables sort, the timeline reads out one frame, the flame zooms.
"use strict";

/** Sorts the rows of a table body by a column: numbers by their data-value, names by their text. */
export function ordered(rows, column, isDescending) {
  const key = (row) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  };
  const sign = isDescending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [key(a), key(b)];
    return sign * (typeof left === "number" ? left - right : String(left).localeCompare(right));
  });
}

function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const isDescending = head.getAttribute("aria-sort") !== "descending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
      table.tBodies[0].append(...ordered(table.tBodies[0].rows, column, isDescending));
    });
  });
}

function makeReadable(figure) {
  const plot = figure.querySelector("svg");
  const columns = [...figure.querySelectorAll(".column")];
  const readout = figure.querySelector(".readout");
  let chosen = -1;
  const choose = (index) => {
    columns[chosen]?.classList.remove("is-chosen");
    chosen = Math.max(0, Math.min(columns.length - 1, index));
    columns[chosen].classList.add("is-chosen");
    readout.textContent = columns[chosen].querySelector("title").textContent;
  };
  plot.tabIndex = 0;
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -columns.length, End: columns.length }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    choose(chosen + step);
  });
  columns.forEach((column, index) => column.addEventListener("pointerenter", () => choose(index)));
}

/** Where each cell of a flame lies when the chosen one fills the width: shares, or null for hidden. */
export function zoomed(cells, chosen) {
  const end = chosen.start + chosen.width;
  const small = 1e-6;
  return cells.map((cell) => {
    const isAbove = cell.start <= chosen.start + small && cell.start + cell.width >= end - small && cell.depth <= chosen.depth;
    if (isAbove) return { left: 0, width: 1 };
    const isInside = cell.start >= chosen.start - small && cell.start + cell.width <= end + small && cell.depth > chosen.depth;
    return isInside ? { left: (cell.start - chosen.start) / chosen.width, width: cell.width / chosen.width } : null;
  });
}

function makeZoomable(figure) {
  const buttons = [...figure.querySelectorAll("button")];
  const readout = figure.querySelector(".readout");
  const cells = buttons.map(({ dataset }) => ({
    start: Number(dataset.start), width: Number(dataset.width), depth: Number(dataset.depth),
  }));
  const zoom = (index) => {
    const total = figure.querySelector(".cells").clientWidth;
    zoomed(cells, cells[index]).forEach((place, other) => {
      const button = buttons[other];
      button.style.display = place === null ? "none" : "";
      if (place === null) return;
      button.style.left = `${100 * place.left}%`;
      button.style.width = `${100 * place.width}%`;
      button.classList.toggle("is-thin", total > 0 && place.width * total < 24);
    });
  };
  buttons.forEach((button, index) => {
    const read = () => { readout.textContent = button.title; };
    button.addEventListener("click", () => zoom(index));
    button.addEventListener("pointerenter", read);
    button.addEventListener("focus", read);
  });
  zoom(0);
}

if (typeof document !== "undefined") {
  document.querySelectorAll(".downhill table.sortable").forEach(makeSortable);
  document.querySelectorAll(".downhill .timeline").forEach(makeReadable);
  document.querySelectorAll(".downhill .flame").forEach(makeZoomable);
}
