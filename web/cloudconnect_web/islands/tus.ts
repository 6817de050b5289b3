// The client of tus, which only uploads of large files load.

export { DetailedError, Upload } from "tus-js-client";
