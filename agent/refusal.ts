/** A guard has spoken: nothing was changed, and the message says what was seen and what to do. */
export class Refusal extends Error {}
