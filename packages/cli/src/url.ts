/** Where `millrace dev` listens. */
export const DEFAULT_URL = "http://127.0.0.1:7070";
