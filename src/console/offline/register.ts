import { at } from "../wire/address.ts";

/** Keeps the page for times without the server, where the browser can: over HTTPS and on the machine itself. */
export function keepPage(): void {
  const { offline } = document.body.dataset;
  if (offline === undefined || !("serviceWorker" in navigator)) return;
  // Some browsers refuse it on private windows and with certificates of their own.
  navigator.serviceWorker.register(at(offline), { scope: at("/") }).catch(() => {});
}
