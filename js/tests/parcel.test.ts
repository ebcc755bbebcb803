/** What travels deflated, and traits that take time to open. */

import { describe, expect, it, vi } from "vitest";
import { bytes, floats } from "../src/arrays";
import { createHost } from "../src/host";
import { opened } from "../src/parcel";
import { followMade } from "../src/traits";
import type { Array as WireArray } from "../src/wire";
import { parcel } from "./parcel";

const floatsOf = (...values: number[]): WireArray => ({
  data: new DataView(Float32Array.from(values).buffer),
  dtype: "float32",
  shape: [values.length],
  scale: 1,
});
const bytesOf = (...values: number[]): WireArray => ({
  data: new DataView(Uint8Array.from(values).buffer),
  dtype: "uint8",
  shape: [1, values.length],
  scale: 1,
});

describe("a parcel", () => {
  it("holds arrays at any depth, also where bytes are not aligned", async () => {
    const sent = await parcel([
      { odd: bytesOf(7, 8, 9), name: "a" },
      { deep: [floatsOf(1.5, -2)] },
    ]);
    type Content = [{ odd: WireArray; name: string }, { deep: [WireArray] }];
    const [first, second] = await opened<Content>(sent);
    expect(first.name).toBe("a");
    expect([...bytes(first.odd.data)]).toEqual([7, 8, 9]);
    expect([...floats(second.deep[0])]).toEqual([1.5, -2]);
  });
});

describe("a trait that takes time to open", () => {
  const closed = new AbortController().signal;
  const settled = () => new Promise((r) => setTimeout(r, 5));

  it("is null until it is open, and while there is nothing", async () => {
    const host = createHost({ things: {} });
    const things = followMade({ ...host, send() {} }, closed, "things", async (n) => n, String);
    await settled();
    expect(things.value).toBeNull();
    host.write({ things: { a: 1 } });
    expect(things.value).toBeNull();
    await settled();
    expect(things.value).toEqual({ a: 1 });
  });

  it("shows the newest, whichever is open first", async () => {
    const host = createHost({ things: { wait: 4 } });
    const slow = async ({ wait }: { wait: number }) => {
      await new Promise((r) => setTimeout(r, wait));
      return wait;
    };
    const things = followMade({ ...host, send() {} }, closed, "things", slow, String);
    host.write({ things: { wait: 1 } });
    await new Promise((r) => setTimeout(r, 20));
    expect(things.value).toBe(1);
  });

  it("tells why it could not be opened", async () => {
    const host = createHost({ things: { data: new DataView(new ArrayBuffer(3)), content: [] } });
    const told: unknown[] = [];
    followMade({ ...host, send() {} }, closed, "things", opened<unknown>, (reason) =>
      told.push(reason),
    );
    await vi.waitFor(() => expect(told.length).toBe(1));
  });
});
