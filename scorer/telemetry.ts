/**
 * Keeps ONNX Runtime from calling its maker. Since release 1.29 its Linux and macOS builds send events about each process,
 * model and session to Microsoft and keep an identifier of the machine in the home directory, unless this variable
 * is in the environment when the library is loaded. A value that is there already stays.
 *
 * To be called before the library is loaded; a worker thread reaches the environment of the process only where it was
 * started with `SHARE_ENV`.
 */
export function forbidTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= '1'
}
