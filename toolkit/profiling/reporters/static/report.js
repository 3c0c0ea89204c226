// Adds to a page that reads without it: the table sorts, and the timeline reads out one frame.
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

if (typeof document !== "undefined") {
  document.querySelectorAll(".downhill table.sortable").forEach(makeSortable);
  document.querySelectorAll(".downhill .timeline").forEach(makeReadable);
}
