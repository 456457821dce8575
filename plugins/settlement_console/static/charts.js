// Draws the charts of a page with Apache ECharts. Each figure carries its option as JSON beside its table; where the
// library is missing, the tables are opened and nothing else happens. A script that reacts to a chart listens to the
// document's event `chart-drawn`, which comes with its name and the chart, again whenever it is drawn anew.

const PALETTES = {
  light: {
    main: "#0b62a3", second: "#b85c00", third: "#6a4c93", good: "#2f855a", warn: "#d97706", bad: "#c53030",
    muted: "#8a94a6", band: "rgba(11, 98, 163, 0.14)", ink: "#1a202c", faint: "#e2e8f0", paper: "#ffffff",
    level1: "#fef0d9", level2: "#fdcc8a", level3: "#fc8d59", level4: "#e34a33", level5: "#b30000",
  },
  dark: {
    main: "#7cc4f7", second: "#ffb080", third: "#c3a6ff", good: "#68d391", warn: "#f6ad55", bad: "#fc8181",
    muted: "#8a94a6", band: "rgba(124, 196, 247, 0.20)", ink: "#e5e7eb", faint: "#2d3138", paper: "#111214",
    level1: "#4a2f1b", level2: "#7a4419", level3: "#b35c1e", level4: "#e0743a", level5: "#ffb08a",
  },
};
const WRITTEN = {
  count: { maximumFractionDigits: 2 },
  money: { minimumFractionDigits: 2, maximumFractionDigits: 2 },
  share: { style: "percent", maximumFractionDigits: 2 },
  score: { minimumFractionDigits: 3, maximumFractionDigits: 3 },
  number: { maximumSignificantDigits: 6 },
  hour: { maximumFractionDigits: 2 },
};
const SHORT = { notation: "compact", maximumSignificantDigits: 3 };

const dark = matchMedia("(prefers-color-scheme: dark)");
const drawn = new Map();

/** A figure as people read it. */
function told(value, unit) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return new Intl.NumberFormat("en", WRITTEN[unit] ?? WRITTEN.count).format(value);
}

function shortly(value, unit) {
  return new Intl.NumberFormat("en", unit === "share" ? WRITTEN.share : SHORT).format(value);
}

/** The option with each colour's name replaced by its shade. */
function coloured(value, palette) {
  if (typeof value === "string" && value.startsWith("@")) return palette[value.slice(1)] ?? value;
  if (Array.isArray(value)) return value.map((each) => coloured(each, palette));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, coloured(each, palette)]));
}

function listed(value) {
  return value === undefined ? [] : [].concat(value);
}

function axis(given, palette, unit) {
  const line = { lineStyle: { color: palette.muted } };
  const isNumber = given.type === "value" || given.type === "log";
  const label = { color: palette.ink, hideOverlap: true, ...given.axisLabel };
  if (isNumber) label.formatter ??= (value) => shortly(value, given.unit ?? unit);
  return {
    nameTextStyle: { color: palette.ink },
    ...given,
    axisLine: line,
    axisLabel: label,
    splitLine: { show: isNumber, lineStyle: { color: palette.faint } },
  };
}

function series(given, unit) {
  const tooltip = { valueFormatter: (value) => told(Array.isArray(value) ? value.at(-1) : value, given.unit ?? unit) };
  const isTold = listed(given.data).some((item) => item?.text !== undefined);
  if (isTold) tooltip.formatter = (item) => item.data?.text ?? item.name;
  return { ...given, tooltip: { ...tooltip, ...given.tooltip } };
}

/** What every chart shares: no movement, words of a tooltip drawn and never read as markup, patterns beside colours. */
function completed(data, palette) {
  const option = coloured(data.option, palette);
  const ink = { color: palette.ink };
  const tooltip = {
    renderMode: "richText", confine: true, backgroundColor: palette.paper, borderColor: palette.muted, textStyle: ink,
  };
  return {
    animation: false,
    color: ["main", "second", "third", "good", "warn", "bad", "muted"].map((name) => palette[name]),
    textStyle: { fontFamily: "system-ui, sans-serif", ...ink },
    aria: { enabled: true, label: { enabled: false }, decal: { show: true } },
    ...option,
    grid: listed(option.grid).map((grid) => ({ containLabel: true, ...grid })),
    legend: option.legend && { textStyle: ink, pageTextStyle: ink, ...option.legend },
    tooltip: { ...tooltip, ...option.tooltip },
    visualMap: listed(option.visualMap).map((map) => visualMap(map, palette, data.unit)),
    xAxis: listed(option.xAxis).map((each) => axis(each, palette, data.unit)),
    yAxis: listed(option.yAxis).map((each) => axis(each, palette, data.unit)),
    series: listed(option.series).map((each) => series(each, data.unit)),
  };
}

function visualMap(given, palette, unit) {
  return { textStyle: { color: palette.ink }, formatter: (value) => shortly(value, given.unit ?? unit), ...given };
}

/** Opens an item's address, which must lie below the console's own. */
function follow(href) {
  if (href.startsWith("/") && !href.startsWith("//")) location.assign(document.body.dataset.root + href);
}

// A plot without room, as in a frame that is not shown yet, is drawn once it has some.
function hasRoom(plot) {
  return plot.clientWidth > 0 && plot.clientHeight > 0;
}

function draw(figure, theme) {
  const name = figure.dataset.chart;
  const plot = figure.querySelector(".chart-plot");
  if (!hasRoom(plot)) return;
  const data = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  for (const [map, shapes] of Object.entries(data.maps)) echarts.registerMap(map, shapes);
  const chart = echarts.init(plot, null, { renderer: "canvas" });
  chart.setOption(completed(data, PALETTES[theme]));
  chart.on("click", (item) => item.data?.href && follow(item.data.href));
  drawn.set(plot, chart);
  figure.dataset.drawn = theme;
  document.dispatchEvent(new CustomEvent("chart-drawn", { detail: { name, chart, data } }));
}

function figures() {
  // A chart without figures has a sentence alone.
  return document.querySelectorAll("figure[data-chart]:has(.chart-plot)");
}

function drawAll(theme) {
  drawn.forEach((chart) => chart.dispose());
  drawn.clear();
  for (const figure of figures()) draw(figure, theme);
}

function openTables() {
  for (const figure of figures()) {
    figure.classList.add("is-undrawn");
    figure.querySelector(".chart-table").open = true;
  }
}

function shown() {
  return dark.matches ? "dark" : "light";
}

function fit(plot) {
  if (!hasRoom(plot)) return;
  if (drawn.has(plot)) drawn.get(plot).resize();
  else draw(plot.closest("figure"), shown());
}

function start() {
  const sizes = new ResizeObserver((changed) => changed.forEach(({ target }) => fit(target)));
  const begin = () => {
    sizes.disconnect();
    drawAll(shown());
    for (const figure of figures()) sizes.observe(figure.querySelector(".chart-plot"));
  };
  begin();
  document.addEventListener("content-replaced", begin);
  dark.addEventListener("change", () => drawAll(shown()));
  // On paper the ground is white, and the page has another width.
  addEventListener("beforeprint", () => drawAll("light"));
  addEventListener("afterprint", () => drawAll(shown()));
}

if (globalThis.echarts) start();
else {
  openTables();
  document.addEventListener("content-replaced", openTables);
}
