/* A table with a row of filters: <div data-filters="Model, Access"></div> stands before it.
   The choices are read from the cells; without this script the table is all there. */

"use strict";

/** A cell's words without what makes them narrower: "specific: CNN" is "specific". */
function wordsOf(cell) {
  return cell.textContent
    .split(/ \+ |, /)
    .map((part) => part.split(/[:(]/)[0].trim())
    .filter(Boolean);
}

function tableBehind(place) {
  const tables = [...document.querySelectorAll("table")];
  const behind = Node.DOCUMENT_POSITION_FOLLOWING;
  return tables.find((table) => place.compareDocumentPosition(table) & behind);
}

function labelled(text, control) {
  const label = document.createElement("label");
  const name = document.createElement("span");
  name.textContent = text;
  label.append(name, control);
  return label;
}

function choiceOf(name, words) {
  const select = document.createElement("select");
  select.name = name.toLowerCase();
  select.append(new Option("any", ""));
  for (const word of words) select.append(new Option(word === "any" ? "any network" : word, word));
  return select;
}

function searchBox(rows) {
  const box = document.createElement("input");
  box.type = "search";
  box.name = "words";
  box.placeholder = `in ${rows} methods`;
  return box;
}

function wordsIn(rows, column) {
  return [...new Set(rows.flatMap((row) => wordsOf(row.cells[column])))].sort();
}

/** Every cell says what its column is, and what it is: laid out as paragraphs, the elements of a
    table would lose their roles. */
function nameCells(table, rows, heads) {
  table.setAttribute("role", "table");
  for (const part of [table.tHead, ...table.tBodies]) part.setAttribute("role", "rowgroup");
  for (const row of table.rows) row.setAttribute("role", "row");
  for (const head of table.tHead.rows[0].cells) head.setAttribute("role", "columnheader");
  for (const row of rows) {
    [...row.cells].forEach((cell, column) => {
      cell.setAttribute("role", "cell");
      cell.dataset.label = heads[column];
    });
  }
}

function fits(row, wanted, columns) {
  const said = row.textContent.toLowerCase();
  return [...wanted].every(([name, value]) => {
    if (!value) return true;
    if (name !== "words") return wordsOf(row.cells[columns.get(name)]).includes(value);
    return value.toLowerCase().split(/\s+/).every((word) => said.includes(word));
  });
}

/** The address keeps the choice, so that it can be linked to. */
function remember(wanted) {
  const chosen = new URLSearchParams([...wanted].filter(([, value]) => value));
  const query = chosen.toString();
  try {
    history.replaceState(null, "", (query ? `?${query}` : location.pathname) + location.hash);
  } catch {
    // a page opened from disk may not
  }
}

function recall(form) {
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (form.elements[name]) form.elements[name].value = value;
  }
}

function filtersFor(place) {
  const table = tableBehind(place);
  const rows = [...table.tBodies[0].rows];
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const names = place.dataset.filters.split(",").map((name) => name.trim());
  const columns = new Map(names.map((name) => [name.toLowerCase(), heads.indexOf(name)]));

  const form = document.createElement("form");
  form.setAttribute("role", "search");
  form.setAttribute("aria-label", "Filter the methods");
  form.append(labelled("Words", searchBox(rows.length)));
  for (const name of names) {
    form.append(labelled(name, choiceOf(name, wordsIn(rows, heads.indexOf(name)))));
  }
  const all = document.createElement("button");
  all.type = "reset";
  all.textContent = "Show all";
  const told = document.createElement("p");
  told.setAttribute("role", "status");
  form.append(all, told);

  const show = () => {
    const wanted = new FormData(form);
    for (const row of rows) row.hidden = !fits(row, wanted, columns);
    const left = rows.filter((row) => !row.hidden).length;
    told.textContent = left
      ? `${left} of ${rows.length} methods`
      : "No method is like that; let go of one of the choices.";
    remember(wanted);
  };
  form.addEventListener("input", show);
  form.addEventListener("reset", () => setTimeout(show));
  form.addEventListener("submit", (event) => event.preventDefault());
  nameCells(table, rows, heads);
  table.classList.add("filtered");
  place.append(form);
  recall(form);
  show();
}

document.querySelectorAll("[data-filters]").forEach(filtersFor);
