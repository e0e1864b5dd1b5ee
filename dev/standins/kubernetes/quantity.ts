const nano = 1_000_000_000n;
const decimal: Readonly<Record<string, bigint>> = { n: 1n, u: 1_000n, m: 1_000_000n };
const decimalSuffixes = ["", "k", "M", "G", "T", "P", "E"];
const binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/**
 * A quantity as the API server writes it: `1024Mi` is `1Gi`, `0.5` is `500m`, `1000` is `1k`. Text that is no quantity
 * comes back unchanged, for the API server to refuse.
 */
export function canonicalQuantity(text: string): string {
    const match = /^([+-]?)(\d*)(?:\.(\d*))?(n|u|m|k|[KMGTPE]i|[MGTPE]|[eE][+-]?\d+)?$/.exec(text.trim());
    if (match === null) return text;
    const [, sign = "", whole = "", fraction = "", suffix = ""] = match;
    if (whole + fraction === "") return text;
    if (/^[eE]./.test(suffix)) return text;
    const unit = unitOf(suffix);
    const scale = 10n ** BigInt(fraction.length);
    const amount = ceilingDivision(BigInt(whole + fraction) * unit, scale);
    const binary = suffix.endsWith("i") && amount >= 1024n * nano;
    return (sign === "-" && amount > 0n ? "-" : "") + (binary ? binaryText(amount) : decimalText(amount));
}

function unitOf(suffix: string): bigint {
    const small = decimal[suffix];
    if (small !== undefined) return small;
    if (suffix.endsWith("i")) return nano * 1024n ** BigInt(binarySuffixes.indexOf(suffix));
    return nano * 1000n ** BigInt(decimalSuffixes.indexOf(suffix));
}

function binaryText(amount: bigint): string {
    let units = ceilingDivision(amount, nano);
    let power = 0;
    while (units % 1024n === 0n && power < binarySuffixes.length - 1) {
        units /= 1024n;
        power++;
    }
    return `${units}${binarySuffixes[power]}`;
}

function decimalText(amount: bigint): string {
    if (amount === 0n) return "0";
    for (const [suffix, unit] of [...decimalSuffixes.entries()]
        .reverse()
        .map(([power, name]) => [name, nano * 1000n ** BigInt(power)] as const))
        if (amount % unit === 0n) return `${amount / unit}${suffix}`;
    for (const suffix of ["m", "u"] as const) {
        const unit = decimal[suffix] ?? 1n;
        if (amount % unit === 0n) return `${amount / unit}${suffix}`;
    }
    return `${amount}n`;
}

function ceilingDivision(dividend: bigint, divisor: bigint): bigint {
    return (dividend + divisor - 1n) / divisor;
}
