// Draws each stack's plots from the table of its refreshes, as soon as they come into view.
(() => {
    const height = 180;
    const drawn = new Map();

    const colours = () => {
        const style = getComputedStyle(document.documentElement);
        const [ink, rule, line] = ["--soft", "--rule", "--line"].map((name) => style.getPropertyValue(name).trim());
        return { ink, rule, line };
    };

    /** The figures of a column, the oldest first; null where there is none. */
    const figuresIn = (table, column, unit) =>
        [...table.tBodies[0].rows].reverse().map(({ cells }) => {
            const { value } = cells[column].dataset;
            return value === undefined ? null : Number(value) / unit;
        });

    const plot = (box, times, figures) => {
        const { ink, rule, line } = colours();
        const axis = { stroke: ink, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule, width: 1 } };
        const options = {
            width: box.clientWidth,
            height,
            legend: { show: false },
            cursor: { drag: { x: false, y: false } },
            scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
            axes: [axis, { ...axis, size: 64 }],
            series: [{}, { stroke: line, width: 2, spanGaps: true, points: { show: times.length < 60, size: 5 } }],
        };
        return new uPlot(options, [times, figures], box);
    };

    const draw = (plots) => {
        const table = plots.parentElement.querySelector("table");
        const times = [...table.querySelectorAll("tbody th time")]
            .reverse()
            .map((time) => Date.parse(time.dateTime) / 1000);
        for (const head of table.tHead.rows[0].cells) {
            const { plot: title, unit } = head.dataset;
            const figures = title === undefined ? [] : figuresIn(table, head.cellIndex, Number(unit));
            if (figures.some((one) => one !== null)) {
                const figure = document.createElement("figure");
                const caption = document.createElement("figcaption");
                const box = document.createElement("div");
                caption.textContent = title;
                box.setAttribute("role", "img");
                box.setAttribute("aria-label", `${title}: a plot of the figures in the table below`);
                figure.append(caption, box);
                plots.append(figure);
                const again = () => plot(box, times, figures);
                drawn.set(box, { chart: again(), again });
                widths.observe(box);
            }
        }
    };

    const widths = new ResizeObserver((entries) => {
        for (const { target } of entries) {
            const { chart } = drawn.get(target);
            if (target.clientWidth !== chart.width) {
                chart.setSize({ width: target.clientWidth, height });
            }
        }
    });

    const views = new IntersectionObserver(
        (entries) => {
            for (const { target } of entries.filter(({ isIntersecting }) => isIntersecting)) {
                views.unobserve(target);
                draw(target);
            }
        },
        { rootMargin: "400px" },
    );

    // One figure makes no line.
    for (const plots of document.querySelectorAll(".plots")) {
        if (plots.parentElement.querySelectorAll("tbody tr").length > 1) {
            plots.hidden = false;
            views.observe(plots);
        }
    }

    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
        for (const [box, { chart, again }] of drawn) {
            chart.destroy();
            drawn.set(box, { chart: again(), again });
        }
    });
})();
