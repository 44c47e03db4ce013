for (const table of document.querySelectorAll(".nr-table")) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, at) => {
    const sort = () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      const value = row => row.cells[at].dataset.value ?? row.cells[at].textContent;
      const order = (a, b) => value(a) - value(b) || value(a).localeCompare(value(b));
      heads.forEach(each => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...[...body.rows].sort((a, b) => up ? order(a, b) : order(b, a)));
    };
    // A span, since a button is not repeated with the heading on the next printed page.
    const button = Object.assign(document.createElement("span"), {role: "button", tabIndex: 0});
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", sort);
    button.addEventListener("keydown", event => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); }
    });
  });
}
