/** Names of files are bytes; they are kept as text in Latin-1, one character a byte. */

/** A path as the file system wants it. */
export function raw(path: string): Buffer {
    return Buffer.from(path, "latin1");
}

/** A path for people: unprintable characters escaped. */
export function display(path: string): string {
    return JSON.stringify(raw(path).toString());
}

/** The folder that something is in, and what it is called there. */
export function split(path: string): [folder: string, name: string] {
    const slash = path.lastIndexOf("/");
    return slash < 0 ? ["", path] : [path.slice(0, slash), path.slice(slash + 1)];
}

/** A path one step further down. */
export function below(folder: string, name: string): string {
    return folder === "" ? name : `${folder}/${name}`;
}
