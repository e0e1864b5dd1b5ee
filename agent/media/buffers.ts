/** Bytes of a buffer for a file that fits into it, and for a piece of any other. */
const small = 65_536;
const large = 1_048_576;

/** Buffers of one length, which are used again and again. */
class Pool {
    private readonly free: Buffer[] = [];
    private readonly waiting: ((buffer: Buffer) => void)[] = [];
    private made = 0;

    constructor(
        private readonly length: number,
        private readonly limit: number,
    ) {}

    take(): Buffer | Promise<Buffer> {
        const free = this.free.pop();
        if (free !== undefined) {
            return free;
        }
        if (this.made < this.limit) {
            this.made += 1;
            return Buffer.allocUnsafeSlow(this.length);
        }
        return new Promise((resolve) => this.waiting.push(resolve));
    }

    give(buffer: Buffer): void {
        const next = this.waiting.shift();
        if (next === undefined) {
            this.free.push(buffer);
        } else {
            next(buffer);
        }
    }
}

/** Memory that files pass through: 56 MiB at most, whatever is under way. */
export class Buffers {
    private readonly small = new Pool(small, 256);
    private readonly large = new Pool(large, 40);

    /** How long a buffer for a file of a size is. */
    static lengthFor(size: number): number {
        return size <= small ? small : large;
    }

    /** A buffer of such a length, as soon as there is one. */
    take(length: number): Buffer | Promise<Buffer> {
        return this.of(length).take();
    }

    /** Gives one back. */
    give(buffer: Buffer): void {
        this.of(buffer.length).give(buffer);
    }

    private of(length: number): Pool {
        return length === small ? this.small : this.large;
    }
}
