// The grid of Portage: rows with every wrong cell marked at its place, edited in place.
// All cell texts go in through textContent, so nothing in a file can become markup. What the user does is told to the
// server as {kind, nonce, ...}; the server decides what of it is allowed, and answers with the rows as they then are.

const states = new WeakMap();

export default function grid({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".grid");
  const state = states.get(root) ?? { at: null, nonce: Date.now(), pending: new Map() };
  states.set(root, state);
  for (const [cell, sent] of state.pending) if (sent.nonce <= data.handled) state.pending.delete(cell);
  const act = (kind, said) => setTriggerValue("act", { kind, nonce: (state.nonce += 1), ...said });
  draw(root, data, state, act);
}

const HINT = "Select a marked cell to see what is wrong with it. Type to overwrite, Enter to edit, Alt+↓ for the next problem, Ctrl+Z to undo.";

function element(tag, attributes = {}, text = null) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
}

function draw(root, data, state, act) {
  const before = root.querySelector(".scroll");
  const scroll = before ? [before.scrollTop, before.scrollLeft] : [0, 0];
  const hadFocus = root.contains(root.getRootNode().activeElement);
  const table = element("table", { role: "grid", "aria-label": data.label, "aria-readonly": String(data.mode !== "edit") });
  table.append(head(data), body(data, state, act));
  const box = element("div", { class: "scroll" });
  box.append(table);
  const bar = element("div", { class: "bar", "aria-live": "polite" }, HINT);
  root.replaceChildren(...(data.mode === "edit" ? [bar, box] : [box]));
  [box.scrollTop, box.scrollLeft] = scroll;
  const view = { box, table, bar, data, state, act };
  listen(view);
  if (state.at) select(view, ...nearest(view, state.at), { focus: hadFocus });
  else table.tBodies[0].rows[0]?.cells[0]?.setAttribute("tabindex", "0");
}

function head(data) {
  const made = element("thead");
  const row = made.insertRow();
  row.append(element("th", { scope: "col", class: "number" }, "Row"));
  for (const column of data.columns) {
    const cell = element("th", { scope: "col", title: titleOf(column) }, column.label);
    if (column.heading === null) cell.classList.add("absent");
    if (column.required && data.mode === "edit") cell.append(element("span", { class: "required", "aria-label": "required" }, "*"));
    if (column.heading !== null && column.heading !== column.slot && data.mode === "edit")
      cell.append(element("span", { class: "heading" }, column.heading));
    row.append(cell);
  }
  if (data.last) row.append(element("th", { scope: "col" }, data.last));
  return made;
}

function titleOf(column) {
  const words = [column.heading === null ? "The file has no such column" : `Column “${column.heading}”`, column.kind];
  if (column.choices.length) words.push(`one of ${column.choices.join(", ")}`);
  if (column.example) words.push(`for example ${column.example}`);
  return words.join(" · ");
}

function body(data, state, act) {
  const made = element("tbody");
  for (const row of data.rows) made.append(line(row, data, state, act));
  return made;
}

function line(row, data, state, act) {
  const made = element("tr", { "data-row": row.number, class: row.excluded ? "excluded" : (row.tone ?? "") });
  const number = element("th", { scope: "row", class: "number", tabindex: "-1", "data-slot": "" }, String(row.number));
  if (row.source) number.prepend(element("span", { class: "source" }, row.source));
  mark(number, row.marks[""]);
  made.append(number);
  data.columns.forEach((column, place) => made.append(cellOf(row, column, place, state)));
  if (data.last) made.append(lastCell(row, data, act));
  return made;
}

function cellOf(row, column, place, state) {
  const cell = element("td", { role: "gridcell", tabindex: "-1", "data-slot": column.slot });
  const waiting = state.pending.get(`${row.number}|${column.slot}`);
  const text = waiting ? waiting.text : row.texts[place];
  if (["integer", "decimal", "float"].includes(column.kind)) cell.classList.add("figure");
  if (column.slot in row.before) {
    cell.classList.add("changed");
    cell.append(element("del", {}, shown(row.before[column.slot])), element("ins", {}, shown(text)));
  } else cell.textContent = visible(text ?? "");
  if (column.slot in row.edited) cell.classList.add("edited");
  if (waiting) cell.classList.add("pending");
  mark(cell, row.marks[column.slot]);
  return cell;
}

const shown = (text) => (text === null || text === undefined || text === "" ? "blank" : visible(text));
// Control and direction characters would show one text and hold another.
const visible = (text) => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, "␦");

function mark(cell, marks) {
  if (!marks) return;
  const wrong = marks.some((item) => item.severity === "error");
  cell.classList.add(wrong ? "wrong" : "warned");
  if (wrong) cell.setAttribute("aria-invalid", "true");
  cell.title = marks.map((item) => item.message).join("\n");
}

function lastCell(row, data, act) {
  const cell = element("td", { class: "last" });
  for (const reason of row.reasons) cell.append(element("div", {}, reason));
  for (const choice of data.choices ?? []) {
    const button = element("button", { type: "button", title: choice.title }, choice.label);
    button.onclick = () => act("decide", { source: row.at, row: row.number, policy: choice.policy });
    cell.append(button);
  }
  return cell;
}

// -- moving about and editing

const rowsOf = (view) => [...view.table.tBodies[0].rows];
const place = (view) => [view.state.at.index, view.state.at.column];
const limit = (value, last) => Math.max(0, Math.min(value, last));

function nearest(view, at) {
  const same = rowsOf(view).findIndex((row) => row.dataset.row === at.row);
  return [same >= 0 ? same : limit(at.index, rowsOf(view).length - 1), at.column];
}

function select(view, index, column, { focus = true } = {}) {
  const row = rowsOf(view)[limit(index, rowsOf(view).length - 1)];
  const cell = row?.cells[limit(column, view.data.columns.length)];
  if (!cell) return;
  for (const old of view.table.querySelectorAll(".active")) {
    old.classList.remove("active");
    old.tabIndex = -1;
  }
  cell.classList.add("active");
  cell.tabIndex = 0;
  view.state.at = { row: row.dataset.row, index: row.sectionRowIndex, column: cell.cellIndex };
  if (focus) {
    cell.focus({ preventScroll: true });
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  explain(view, row, cell);
}

function listen(view) {
  view.table.onclick = (event) => {
    const cell = event.target.closest("td,th");
    if (event.target.closest("button") || !cell || cell.closest("thead") || cell.classList.contains("editing")) return;
    select(view, cell.parentElement.sectionRowIndex, cell.cellIndex);
  };
  view.table.ondblclick = () => edit(view);
  view.table.onkeydown = (event) => key(view, event);
  view.table.onpaste = (event) => paste(view, event);
  view.table.oncopy = (event) => {
    const active = view.table.querySelector(".active:not(.editing)");
    if (!active) return;
    event.clipboardData.setData("text/plain", active.textContent);
    event.preventDefault();
  };
}

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-15, 0], PageDown: [15, 0] };

function key(view, event) {
  if (!view.state.at || event.target.closest(".editing") || event.target.closest("button")) return;
  const [index, column] = place(view);
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (event.altKey && event.key in MOVES) problem(view, event.key === "ArrowUp" ? -1 : 1);
  else if (event.key in MOVES) select(view, limit(index + MOVES[event.key][0], 1e9), limit(column + MOVES[event.key][1], 1e9));
  else if (event.key === "Home") select(view, index, 0);
  else if (event.key === "End") select(view, index, view.data.columns.length);
  else if (view.data.mode !== "edit") return;
  else if (event.key === "Enter" || event.key === "F2") edit(view);
  else if (event.key === "Delete" || event.key === "Backspace") put(view, [[view.state.at.row, slotAt(view), ""]]);
  else if ((event.ctrlKey || event.metaKey) && event.key === "z") view.act("undo", {});
  else if (plain && event.key.length === 1) edit(view, "");
  else return;
  if (!(plain && event.key.length === 1)) event.preventDefault();
}

function problem(view, step) {
  const cells = [...view.table.querySelectorAll("tbody .wrong, tbody .warned")];
  if (!cells.length) return;
  const [index, column] = place(view);
  const order = (cell) => cell.parentElement.sectionRowIndex * 1000 + cell.cellIndex;
  const here = index * 1000 + column;
  const next = step > 0 ? cells.find((cell) => order(cell) > here) : cells.findLast((cell) => order(cell) < here);
  const cell = next ?? (step > 0 ? cells[0] : cells.at(-1));
  select(view, cell.parentElement.sectionRowIndex, cell.cellIndex);
}

const slotAt = (view) => view.data.columns[view.state.at.column - 1]?.slot;
const rowAt = (view) => view.data.rows[view.state.at.index];

function edit(view, start = null) {
  const cell = view.table.querySelector(".active");
  const column = view.data.columns[view.state.at?.column - 1];
  if (view.data.mode !== "edit" || !cell || !column || rowAt(view).excluded || cell.querySelector("input")) return;
  const kept = [...cell.childNodes];
  const was = rowAt(view).texts[cell.cellIndex - 1] ?? "";
  const input = element("input", { "aria-label": `${column.label}, row ${view.state.at.row}`, list: column.choices.length ? "choices" : null });
  input.value = start ?? was;
  cell.classList.add("editing");
  cell.replaceChildren(input);
  if (column.choices.length) {
    const list = element("datalist", { id: "choices" });
    for (const choice of column.choices) list.append(element("option", { value: choice }));
    cell.append(list);
  }
  input.focus();
  let open = true;
  const close = (keep, move) => {
    if (!open) return;
    open = false;
    cell.classList.remove("editing");
    cell.replaceChildren(...kept);
    if (keep && input.value !== was) put(view, [[view.state.at.row, column.slot, input.value]]);
    if (move) select(view, ...move);
  };
  input.onkeydown = (event) => {
    const [index, at] = place(view);
    if (event.key === "Enter") close(true, [index + (event.shiftKey ? -1 : 1), at]);
    else if (event.key === "Tab") close(true, [index, at + (event.shiftKey ? -1 : 1)]);
    else if (event.key === "Escape") close(false, [index, at]);
    else return event.stopPropagation();
    event.preventDefault();
    event.stopPropagation();
  };
  input.onblur = () => close(true, null);
}

function put(view, cells) {
  const nonce = view.state.nonce + 1;
  for (const [row, slot, text] of cells) {
    view.state.pending.set(`${row}|${slot}`, { text, nonce });
    const line = rowsOf(view).find((item) => item.dataset.row === String(row));
    const cell = line && [...line.cells].find((item) => item.dataset.slot === slot);
    if (cell) {
      cell.textContent = visible(text);
      cell.classList.add("pending");
    }
  }
  // Everything unanswered goes along again: two quick edits may reach the server as one message.
  const all = [...view.state.pending].map(([name, sent]) => [Number(name.split("|", 1)[0]), name.slice(name.indexOf("|") + 1), sent.text]);
  view.act("edit", { cells: all });
}

function paste(view, event) {
  if (view.data.mode !== "edit" || event.target.closest(".editing") || !view.state.at) return;
  const [index, column] = place(view);
  const lines = event.clipboardData.getData("text/plain").replace(/\r?\n$/, "").split(/\r?\n/);
  const cells = [];
  lines.forEach((text, down) =>
    text.split("\t").forEach((cell, right) => {
      const row = view.data.rows[index + down];
      const slot = view.data.columns[column - 1 + right]?.slot;
      if (row && slot && !row.excluded) cells.push([row.number, slot, cell]);
    }),
  );
  event.preventDefault();
  if (cells.length) put(view, cells);
}

// -- what is wrong here, and what would mend it

// In a bar above the rows, as a spreadsheet's: a card at the cell would lie over the next cells to mend.
function explain(view, line, cell) {
  const { bar, data } = view;
  const row = data.rows[line.sectionRowIndex];
  const slot = cell.dataset.slot;
  const column = data.columns.find((item) => item.slot === slot);
  bar.replaceChildren(element("strong", {}, column ? `Row ${row.number} · ${column.label}` : `Row ${row.number}`));
  for (const item of row.marks[slot] ?? []) bar.append(said(view, row, slot, item));
  if (slot && slot in row.edited) bar.append(original(view, row, slot));
  if (slot === "" && data.mode === "edit") bar.append(rowChoice(view, row));
}

function said(view, row, slot, item) {
  const made = element("div", { class: `issue ${item.severity}` });
  made.append(element("span", {}, item.message), element("code", {}, item.code));
  if (view.data.mode !== "edit" || row.excluded) return made;
  for (const proposal of item.proposals) {
    const use = element("button", { type: "button", class: "use" }, `Use ${proposal}`);
    use.onclick = () => put(view, [[row.number, slot, proposal]]);
    made.append(use);
    if (item.equal > 1) {
      const all = element("button", { type: "button" }, `In all ${item.equal} equal cells`);
      all.onclick = () => view.act("edit_equal", { row: row.number, slot, code: item.code, text: proposal });
      made.append(all);
    }
  }
  return made;
}

function original(view, row, slot) {
  const made = element("div", { class: "issue info" });
  made.append(element("span", {}, `Edited. The file says: ${shown(row.edited[slot])}`));
  const back = element("button", { type: "button" }, "Take the file’s text again");
  back.onclick = () => put(view, [[row.number, slot, row.edited[slot] ?? ""]]);
  if (view.data.mode === "edit") made.append(back);
  return made;
}

function rowChoice(view, row) {
  const made = element("div", { class: "issue info" });
  made.append(element("span", {}, row.excluded ? "Left out. Take the step out to bring it back." : ""));
  if (row.excluded) return made;
  const out = element("button", { type: "button" }, "Leave this row out");
  out.onclick = () => view.act("exclude", { rows: [row.number] });
  made.append(out);
  return made;
}
