const units = ["bytes", "kB", "MB", "GB"];

/**
 * A number of bytes in words, in the decimal units that package managers use.
 *
 * @example size(7_891_488) // "7.9 MB"
 */
export function size(bytes: number): string {
    const step = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
    const value = bytes / 1000 ** step;
    return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step]}`;
}

/** A whole number with its thousands set apart. */
export function count(number: number): string {
    return number.toLocaleString("en");
}

/** A moment to the minute, in UTC, whatever the server's or the reader's time zone. */
export function moment(date: Date): string {
    return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** The address of a package's page. */
export function packageAddress(name: string): string {
    return `/packages/${encodeURIComponent(name)}`;
}

/** The address of a picture, from its path below the media root. */
export function pictureAddress(path: string): string {
    return `/media/${path.split("/").map(encodeURIComponent).join("/")}`;
}
