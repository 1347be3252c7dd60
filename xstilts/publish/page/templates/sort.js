// Tables sort by the buttons in their heads: best first, then worst first, then as they were.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const fixed = row => row.className !== "";  // means stay below
  const key = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim().replace("−", "-");
    return text === "" || text === "–" ? null : text;
  };
  const compare = column => (a, b) => {
    const [x, y] = [key(a, column), key(b, column)];
    if (x === null || y === null) return (x === null) - (y === null);
    return Number(y) - Number(x) || x.localeCompare(y, "en");
  };
  heads.forEach((head, column) => {
    const numbers = head.classList.contains("n");
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const orders = numbers ? ["descending", "ascending"] : ["ascending", "descending"];
      const next = orders[orders.indexOf(head.getAttribute("aria-sort")) + 1];
      heads.forEach(other => other.removeAttribute("aria-sort"));
      let sorted = rows;
      if (next) {
        head.setAttribute("aria-sort", next);
        sorted = rows.filter(row => !fixed(row)).sort(compare(column));
        if (next === orders[1]) {
          const empty = sorted.filter(row => key(row, column) === null);
          sorted = [...sorted.filter(row => key(row, column) !== null).reverse(), ...empty];
        }
        sorted.push(...rows.filter(fixed));
      }
      body.append(...sorted);
    });
  });
}
