// The filter of the page. Its state is kept in the fragment of the address, so that a link shows
// what its sender saw: #target=NAME&peer=NAME&scenario=NAME&verdict=fail,hang&text=...&show=heap,
// and `at` is the element to go to. Without this script the page shows everything.
(() => {
  "use strict";
  const form = document.getElementById("filter");
  const cells = [...document.querySelectorAll("details.cell")].map((element) => ({
    element,
    id: element.querySelector(".body").id,
    facts: element.dataset,
    words: [...element.querySelectorAll("summary, .reason, .explanation")]
      .map((part) => part.textContent)
      .concat(Object.values(element.dataset))
      .join(" ")
      .toLowerCase(),
  }));
  const table = document.querySelector("#matrix .matrix");
  const places = table ? [...table.tBodies[0].rows].map((row) => [...row.cells].slice(1)) : [];
  const shows = [...document.querySelectorAll("input[name=show]")];
  const names = ["target", "peer", "scenario"];

  function wanted() {
    const data = new FormData(form);
    return {
      target: data.get("target"),
      peer: data.get("peer"),
      scenario: data.get("scenario"),
      verdict: data.getAll("verdict"),
      words: data.get("text").toLowerCase().split(/\s+/).filter(Boolean),
    };
  }

  function fits(cell, want) {
    return (
      names.every((name) => !want[name] || cell.facts[name] === want[name]) &&
      (!want.verdict.length || want.verdict.includes(cell.facts.verdict)) &&
      want.words.every((word) => cell.words.includes(word))
    );
  }

  function hide(element, out) {
    element.classList.toggle("out", out);
  }

  function apply() {
    const want = wanted();
    const matched = new Set();
    for (const cell of cells) {
      const fit = fits(cell, want);
      hide(cell.element, !fit);
      if (fit) matched.add(cell.id);
    }
    for (const group of document.querySelectorAll(".group")) {
      hide(group, !group.querySelector("details.cell:not(.out)"));
    }
    for (const place of document.querySelectorAll(".place")) {
      hide(place, !matched.has(place.querySelector("a").hash.slice(1)));
    }
    for (const places of document.querySelectorAll(".places > li, .finding")) {
      hide(places, !places.querySelector(".place:not(.out)"));
    }
    for (const row of document.querySelectorAll(".row, tr[data-target], .timing")) {
      const facts = row.dataset;
      hide(row, names.some((name) => want[name] && facts[name] && facts[name] !== want[name]));
    }
    filterMatrix(matched);
    for (const place of document.querySelectorAll(".compat td a")) {
      place.parentElement.classList.toggle("dim", !matched.has(place.hash.slice(1)));
    }
    document.getElementById("shown").value =
      matched.size === cells.length
        ? `${cells.length} cells`
        : `${matched.size} of ${cells.length} cells`;
    document.getElementById("none-left").hidden = matched.size > 0;
  }

  // A row or a column in which nothing is left goes; a place in which nothing is left pales.
  function filterMatrix(matched) {
    if (!table) return;
    const all = matched.size === cells.length;
    const [targets, peers] = [...table.tHead.rows].map((row) => [...row.cells]);
    const used = peers.map(() => all);
    for (const row of places) {
      let any = all;
      row.forEach((place, column) => {
        const left = [...place.querySelectorAll("a")].some((a) => matched.has(a.hash.slice(1)));
        place.classList.toggle("dim", !left && place.querySelector("a") !== null);
        if (left) any = used[column] = true;
      });
      hide(row[0].parentElement, !any);
    }
    for (const row of places) row.forEach((place, column) => hide(place, !used[column]));
    peers.forEach((peer, column) => hide(peer, !used[column]));
    for (const target of targets.slice(1)) {
      const own = peers.filter((peer) => peer.dataset.target === target.dataset.target);
      const left = own.filter((peer) => !peer.classList.contains("out")).length;
      hide(target, !left);
      target.colSpan = left || 1;
    }
  }

  // ---- the state in the address

  function fragment(at) {
    const state = new URLSearchParams();
    for (const name of names) if (form[name].value) state.set(name, form[name].value);
    const verdicts = wanted().verdict;
    if (verdicts.length) state.set("verdict", verdicts.join(","));
    if (form.text.value) state.set("text", form.text.value);
    const show = shows.find((input) => input.checked);
    if (show && show.value !== "verdict") state.set("show", show.value);
    if (at && !state.size) return `#${at}`;
    if (at) state.set("at", at);
    return state.size ? `#${state}` : location.pathname + location.search;
  }

  function keep() {
    history.replaceState(null, "", fragment());
  }

  function restore() {
    const text = location.hash.slice(1);
    const state = new URLSearchParams(text.includes("=") ? text : "");
    const verdicts = (state.get("verdict") || "").split(",");
    for (const name of names) {
      const value = state.get(name) || "";
      form[name].value = [...form[name].options].some((option) => option.value === value) ? value : "";
    }
    form.text.value = state.get("text") || "";
    for (const box of form.querySelectorAll("[name=verdict]")) box.checked = verdicts.includes(box.value);
    for (const input of shows) input.checked = input.value === (state.get("show") || "verdict");
    if (shows.length && !shows.some((input) => input.checked)) shows[0].checked = true;
    apply();
    const at = state.get("at") || (text.includes("=") ? "" : decodeURIComponent(text));
    if (at) go(at);
  }

  function go(id) {
    const element = document.getElementById(id);
    if (!element) return;
    for (let up = element; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
    const cell = element.closest("details.cell");
    if (cell) {
      cell.classList.remove("out");
      cell.closest(".group").classList.remove("out");
    }
    const focus = cell ? cell.querySelector("summary") : element;
    if (focus === element && focus.tabIndex < 0) focus.tabIndex = -1;
    element.scrollIntoView();
    focus.focus({ preventScroll: true });
  }

  form.addEventListener("input", () => { apply(); keep(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { apply(); keep(); }));
  for (const input of shows) input.addEventListener("change", keep);
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    const id = decodeURIComponent(link.hash.slice(1));
    history.pushState(null, "", fragment(id));
    go(id);
  });
  addEventListener("popstate", restore);

  // On paper: what went wrong is open, what the reader opened too.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = cells.filter(({ element, facts }) =>
      !element.open && !element.classList.contains("out") && !["pass", "skip"].includes(facts.verdict));
    for (const { element } of opened) element.open = true;
  });
  addEventListener("afterprint", () => { for (const { element } of opened) element.open = false; });

  form.hidden = false;
  restore();
})();
