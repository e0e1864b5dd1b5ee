/**
 * Uses the catalogue as its visitors do: looks for packages, writes notes on them and gives them pictures. Half of
 * the pictures replace an earlier one, so that files change as well as appear.
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const address = process.env.CATALOGUE_URL ?? "http://127.0.0.1:8080";
const pictures = path.join(process.env.ICON_THEME ?? "/usr/share/icons/elementary-xfce", "mimes/128");
const pauseBetweenRounds = 50;

async function main(): Promise<void> {
    const files = (await readdir(pictures)).filter((file) => file.endsWith(".png"));
    const counts = { notes: 0, pictures: 0, failures: 0 };
    let former: string | undefined;
    for (let round = 1; ; round++) {
        try {
            const name = (round % 2 === 0 && former) || (await somePackage());
            await writeNote(name, `Looked at in round ${round}.`);
            counts.notes++;
            await uploadPicture(name, path.join(pictures, oneOf(files)));
            counts.pictures++;
            former = name;
        } catch (error) {
            counts.failures++;
            console.error(error instanceof Error ? error.message : error);
        }
        if (round % 50 === 0) console.log(JSON.stringify(counts));
        await pause(pauseBetweenRounds);
    }
}

/** A package from somewhere in the list. */
async function somePackage(): Promise<string> {
    const page = 1 + Math.floor(Math.random() * 2000);
    const response = await fetch(`${address}/?page=${page}`);
    const names = [...(await response.text()).matchAll(/href="\/packages\/([^"/]+)"/g)].map(([, name]) => name ?? "");
    if (names.length === 0) throw new Error(`Page ${page} of the list was empty (status ${response.status}).`);
    return decodeURIComponent(oneOf(names));
}

async function writeNote(name: string, text: string): Promise<void> {
    await post(`/packages/${encodeURIComponent(name)}/note`, new URLSearchParams({ text }));
}

async function uploadPicture(name: string, file: string): Promise<void> {
    const form = new FormData();
    form.set("picture", new Blob([await readFile(file)], { type: "image/png" }), path.basename(file));
    await post(`/packages/${encodeURIComponent(name)}/picture`, form);
}

async function post(where: string, body: URLSearchParams | FormData): Promise<void> {
    const response = await fetch(address + where, { method: "POST", body, redirect: "manual" });
    await response.arrayBuffer();
    if (response.status !== 303) throw new Error(`${where} answered with status ${response.status}.`);
}

function oneOf<Value>(values: Value[]): Value {
    const value = values[Math.floor(Math.random() * values.length)];
    if (value === undefined) throw new Error("There is nothing to choose from.");
    return value;
}

void main();
