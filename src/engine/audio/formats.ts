/** The `supported_formats` of `/v1/models`: containers and bare streams a body may be. */
export const SUPPORTED_FORMATS: readonly string[] = ["wav", "mp3", "m4a", "aac", "flac", "ogg", "opus", "webm", "mkv"];
