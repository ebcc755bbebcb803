/** A table of what came of every method, over the pictures so far. */

import type { ComponentChildren } from "preact";

export function SumsTable(props: {
  caption: string;
  heads: readonly string[];
  /** The rows. */
  children: ComponentChildren;
}) {
  return (
    <table class="xw-sums">
      <caption>{props.caption}</caption>
      <thead>
        <tr>
          {props.heads.map((head) => (
            <th scope="col" key={head}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{props.children}</tbody>
    </table>
  );
}
