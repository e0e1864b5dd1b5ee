/** Version of the real provider whose rules the stand-in follows, and of the plugin that it takes the place of. */
export const version = "1.2.1";
