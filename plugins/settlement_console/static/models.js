// Links to Airflow's own pages: shown in Airflow's frame, a page of Airflow would stand in itself. The frame may not lead
// its window elsewhere, but the window's own document may, and it is of the same origin.

function ownWindow() {
  try {
    return window.parent !== window && window.parent.document ? window.parent : null;
  } catch {
    return null;
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-airflow]");
  const outer = ownWindow();
  if (!link || !outer || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const copy = outer.document.createElement("a");
  copy.href = link.href;
  outer.document.body.append(copy);
  copy.click();
  copy.remove();
});
