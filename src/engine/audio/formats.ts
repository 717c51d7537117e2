/** The `supported_formats` of `/v1/models`. */
export const SUPPORTED_FORMATS = ["wav"] as const;
