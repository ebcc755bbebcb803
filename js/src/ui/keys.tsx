/** A button for what the keys do. */

import { Popover } from "./parts";

export function Keys({ keys }: { keys(): readonly (readonly [string, string])[] }) {
  return (
    <Popover label="Keys" text="?">
      {() => (
        <dl class="xw-keys">
          {keys().map(([key, does]) => (
            <>
              <dt>{key}</dt>
              <dd>{does}</dd>
            </>
          ))}
        </dl>
      )}
    </Popover>
  );
}
