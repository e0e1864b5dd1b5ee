/** The names that are asked for, in the place of all that there are, which are 148 kB. */
module.exports = {
    1040: "ER_CON_COUNT_ERROR",
    1053: "ER_SERVER_SHUTDOWN",
    HA_ERR_INTERNAL_ERROR: 122,
    ER_WARN_DEPRECATED_SYNTAX: 1287,
    ER_OPTION_PREVENTS_STATEMENT: 1290,
    ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION: 1792,
    ER_READ_ONLY_MODE: 1836,
};
