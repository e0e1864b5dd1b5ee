import { type Html, html } from "../html";
import { type PackageSummary, pageSize, type Section } from "../packages";
import { count, packageAddress, pictureAddress, size } from "./wording";

/** What was asked for, as it stands in the address. */
export interface Search {
    text: string;
    section: string;
    /** From 1 on. */
    page: number;
}

/** The list: sections to choose from, one page of packages, and the way to the other pages. */
export function listPage(
    search: Search,
    found: { packages: PackageSummary[]; total: number },
    sections: Section[],
): Html {
    return html`
<nav aria-label="Sections" class="sections">
${sectionLink({ name: "", title: "Everything" }, search)}
${sections.map((section) => sectionLink(section, search))}
</nav>
<h1>${heading(search, sections)} <small>${count(found.total)} ${found.total === 1 ? "package" : "packages"}</small></h1>
${found.packages.length === 0 ? emptiness(search) : html`<ul class="cards">${found.packages.map(card)}</ul>`}
${paging(search, found.total)}`;
}

/** The list's title in words. */
export function heading(search: Search, sections: Section[]): string {
    const section = sections.find(({ name }) => name === search.section)?.title;
    if (search.text) return `“${search.text}”${section ? ` in ${section}` : ""}`;
    return section ?? "All packages";
}

function sectionLink(section: { name: string; title: string; packages?: number }, search: Search): Html {
    const current = section.name === search.section && html` aria-current="true"`;
    return html`<a href="${address({ ...search, section: section.name, page: 1 })}"${current}>
${section.name && html`<img src="/sections/${section.name}/emblem.png" alt="" width="20" height="20" loading="lazy">`}
${section.title}</a>`;
}

function card(found: PackageSummary): Html {
    return html`<li class="card">
<img src="${pictureAddress(found.picture)}" alt="" width="64" height="64" loading="lazy">
<div>
<h2><a href="${packageAddress(found.name)}">${found.name}</a></h2>
<p>${found.summary}</p>
<p class="facts"><span>${found.version}</span><span>${found.sectionTitle}</span><span>${size(found.downloadBytes)}</span></p>
</div>
</li>`;
}

function emptiness(search: Search): Html {
    return html`<p class="empty">Nothing fits. <a href="${address({ ...search, section: "", text: "", page: 1 })}">Show all packages</a>
or try other words.</p>`;
}

function paging(search: Search, total: number): Html | undefined {
    const last = Math.max(1, Math.ceil(total / pageSize));
    if (last === 1) return undefined;
    const to = (page: number, words: string, rel: string) =>
        page < 1 || page > last
            ? html`<span aria-hidden="true">${words}</span>`
            : html`<a rel="${rel}" href="${address({ ...search, page })}">${words}</a>`;
    return html`<nav aria-label="Pages" class="paging">
${to(search.page - 1, "← Previous", "prev")}
<span>Page ${count(search.page)} of ${count(last)}</span>
${to(search.page + 1, "Next →", "next")}
</nav>`;
}

function address(search: Search): string {
    const query = new URLSearchParams();
    if (search.text) query.set("q", search.text);
    if (search.section) query.set("section", search.section);
    if (search.page > 1) query.set("page", String(search.page));
    return query.size ? `/?${query}` : "/";
}
