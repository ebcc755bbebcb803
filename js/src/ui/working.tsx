/** What a widget is doing, what went wrong with it, or nothing. */

import { percent } from "../numbers";
import type { WorkStatus } from "../wire";
import { Button } from "./parts";

export function Working(props: {
  work: WorkStatus;
  /** What a command of the reader's met with. */
  problem: string | undefined;
  live: boolean;
  onCancel(): void;
  onRetry?(): void;
  onDismiss?(): void;
}) {
  const { work, problem, live, onCancel, onRetry, onDismiss } = props;
  const { status, progress, message } = work;
  const wrong = problem || (status === "error" || status === "cancelled" ? message : "");
  if (wrong) {
    return (
      <p class="xw-notice" role="alert">
        <span>{wrong}</span>
        {problem && onDismiss ? (
          <Button icon="close" label="Dismiss" onClick={onDismiss} />
        ) : (
          live && onRetry && <Button icon="reset" label="Retry" text="Retry" onClick={onRetry} />
        )}
      </p>
    );
  }
  if (status === "done") return null;
  return (
    <div class="xw-drawing xw-at-work" role="status">
      <div
        class="xw-track"
        role="progressbar"
        aria-label={message}
        aria-valuenow={Math.round(100 * progress)}
      >
        <i style={{ width: `${100 * progress}%` }} />
      </div>
      <span class="xw-muted">
        {message}
        {status === "running" ? `, ${percent(progress)}` : ""}
      </span>
      {live && <Button icon="close" label="Cancel" text="Cancel" onClick={onCancel} />}
    </div>
  );
}
