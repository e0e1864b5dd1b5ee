/** In the place of a library with the certificates of a provider's servers, which nobody has asked for. */
export default {};
