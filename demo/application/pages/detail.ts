import { type Html, html } from "../html";
import type { Dependency, Package } from "../packages";
import { count, moment, packageAddress, pictureAddress, size } from "./wording";

/** The page of one package: picture, facts, note, and what it depends on. */
export function detailPage(found: Package, dependencies: Dependency[]): Html {
    return html`
<article class="detail">
<div class="lead">
<img src="${pictureAddress(found.picture)}" alt="Picture of ${found.name}" width="128" height="128">
<div>
<p class="crumb"><a href="/?section=${encodeURIComponent(found.section)}">${found.sectionTitle}</a></p>
<h1>${found.name}</h1>
<p class="summary">${found.summary}</p>
${found.homepage && html`<p><a href="${found.homepage}" rel="noreferrer">${shown(found.homepage)}</a></p>`}
</div>
</div>
<dl class="figures">
${figure("Version", found.version)}
${figure("Download", size(found.downloadBytes))}
${figure("Installed", size(found.installedBytes))}
${figure("Needed by", `${count(found.demand)} ${found.demand === 1 ? "package" : "packages"}`)}
</dl>
<div class="columns">
<div>
${dependencyList("Needs", "needs", dependencies)}
${dependencyList("Recommends", "recommends", dependencies)}
${tagList(found.tags)}
</div>
<div>${noteForm(found)}${pictureForm(found)}${mailForm(found)}</div>
</div>
</article>`;
}

/** A homepage without its scheme. Only web addresses get this far: the seed takes no others. */
function shown(homepage: string): string {
    return homepage.replace(/^https?:\/\//, "").replace(/\/$/, "");
}

function figure(name: string, value: string): Html {
    return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}

function dependencyList(title: string, kind: Dependency["kind"], dependencies: Dependency[]): Html {
    const listed = dependencies.filter((dependency) => dependency.kind === kind);
    return html`<section class="panel"><h2>${title} <small>${count(listed.length)}</small></h2>
${listed.length === 0 ? html`<p class="empty">Nothing.</p>` : html`<ul class="dependencies">${listed.map(dependencyItem)}</ul>`}
</section>`;
}

function dependencyItem({ target, versions, known }: Dependency): Html {
    return html`<li>${known ? html`<a href="${packageAddress(target)}">${target}</a>` : target}
${versions && html` <small>${versions}</small>`}</li>`;
}

function tagList(tags: string[]): Html | false {
    return (
        tags.length > 0 &&
        html`<section class="panel"><h2>Tags</h2><ul class="tags">${tags.map((tag) => html`<li>${tag}</li>`)}</ul></section>`
    );
}

function noteForm(found: Package): Html {
    return html`<section class="panel"><h2>Note</h2>
<form action="${packageAddress(found.name)}/note" method="post">
<label class="unseen" for="note">Note on ${found.name}</label>
<textarea id="note" name="text" rows="5" maxlength="2000" placeholder="What should others know about this package?">${found.note}</textarea>
<p class="row">${found.noteChangedAt && html`<small>Changed ${moment(found.noteChangedAt)}</small>`}<button>Save note</button></p>
</form></section>`;
}

function pictureForm(found: Package): Html {
    return html`<section class="panel"><h2>Picture</h2>
<form action="${packageAddress(found.name)}/picture" method="post" enctype="multipart/form-data">
<label for="picture">A PNG of at most 2 MB</label>
<input id="picture" type="file" name="picture" accept="image/png" required>
<p class="row"><button>Upload picture</button></p>
</form></section>`;
}

function mailForm(found: Package): Html {
    return html`<section class="panel"><h2>Mail</h2>
<form action="${packageAddress(found.name)}/mail" method="post">
<label for="to">Send this page to</label>
<input id="to" type="email" name="to" required placeholder="anna@example.org">
<p class="row"><button>Send</button></p>
</form></section>`;
}
