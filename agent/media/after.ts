/** What is there at once, or comes later. */
export type Soon<T> = T | Promise<T>;

/** Goes on with a result: at once if it is there. A promise for each step would cost more than a call to a near disk. */
export function after<T, U>(result: Soon<T>, next: (value: T) => Soon<U>): Soon<U> {
    return result instanceof Promise ? result.then(next) : next(result);
}

/** Does some work, and something else if it fails, now or later. */
export function unless<T, U>(work: () => Soon<T>, failed: (error: NodeJS.ErrnoException) => U): Soon<T | U> {
    try {
        const result = work();
        return result instanceof Promise ? result.catch(failed) : result;
    } catch (error) {
        return failed(error as NodeJS.ErrnoException);
    }
}

/** Does some work, and something else when it has ended in whatever way, now or later. */
export function closing<T>(work: () => Soon<T>, end: () => void): Soon<T> {
    let result: Soon<T>;
    try {
        result = work();
    } catch (error) {
        end();
        throw error;
    }
    if (result instanceof Promise) {
        return result.finally(end);
    }
    end();
    return result;
}
