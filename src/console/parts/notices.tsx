import type { JSX } from "preact";
import { t } from "../i18n/text.ts";
import { server } from "../wire/server.ts";
import { DemoNotice } from "./demo-notice.tsx";

/** What a person should know before anything else: is the server there, does it load, which model it has. */
export function Notices(): JSX.Element {
  const { isReachable, isLoading, notice } = server.value;
  return (
    <>
      <div role="status">
        {!isReachable && <p class="notice bad">{t("server_away")}</p>}
        {isReachable && isLoading && <p class="notice">{t("server_loading")}</p>}
      </div>
      {notice !== undefined && <DemoNotice />}
    </>
  );
}
