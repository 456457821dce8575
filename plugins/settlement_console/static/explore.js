// What is drawn over in a plot becomes the choice: the page is asked for again with other bounds in its address.

const LEAST_PIXELS = 6; // less is a click that slipped

function written(value, isDays) {
  if (!isDays) return String(Number(value.toPrecision(6)));
  const day = new Date(value);
  const two = (number) => String(number).padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

function spans(area) {
  return area.brushType === "rect" ? area.range : [area.range];
}

function isSlip(area) {
  return spans(area).some(([from, to]) => Math.abs(to - from) < LEAST_PIXELS);
}

function choose(select, area) {
  const address = new URL(location.href);
  const ranges = area.brushType === "rect" ? area.coordRange : [area.coordRange];
  [select.x, select.y].slice(0, ranges.length).forEach((names, axis) => {
    const [from, to] = [...ranges[axis]].sort((a, b) => a - b);
    address.searchParams.set(names[0], written(from, select.isDays));
    address.searchParams.set(names[1], written(to, select.isDays));
  });
  location.assign(address);
}

document.addEventListener("chart-drawn", ({ detail: { chart, data } }) => {
  const { select } = data.option;
  if (!select) return;
  const brushOption = { brushType: select.brushType, brushMode: "single" };
  chart.dispatchAction({ type: "takeGlobalCursor", key: "brush", brushOption });
  chart.on("brushEnd", ({ areas: [area] }) => {
    if (area && !isSlip(area)) choose(select, area);
  });
});
