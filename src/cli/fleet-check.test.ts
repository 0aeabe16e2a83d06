import { expect, test } from "vitest";
import { derivedKeys } from "../registry/derived-key.ts";
import { checkFleet } from "./fleet-check.ts";

const key = (fill: number): string => Buffer.alloc(64, fill).toString("base64");
const groupKeys = { primaryKey: key(1), secondaryKey: key(2) };
const heading = "IOTC_DEVICEID,IOTC_DEVICENAME,IOTC_SASKEY_PRIMARY,IOTC_SASKEY_SECONDARY,IOTC_X509THUMBPRINT_PRIMARY";

const check = async (...rows: string[]) => await checkFleet(Buffer.from([heading, ...rows].join("\r\n")), groupKeys);
const lineOf = (id: string, { primaryKey, secondaryKey } = derivedKeys(groupKeys, id)): string =>
  `${id},Name,${primaryKey},${secondaryKey},`;

test("devices of the group are told from those with keys of their own, certificates, or none", async () => {
  const own = { primaryKey: key(3), secondaryKey: key(4) };
  const first = derivedKeys(groupKeys, "b").primaryKey;
  expect(
    await check(
      lineOf("a"),
      `b,B,${first},,`,
      "",
      lineOf("c", own),
      `d,D,,,${"A".repeat(40)}`,
      "e,E,,,",
      `f,F,${derivedKeys(groupKeys, "f").primaryKey},${key(9)},`,
    ),
  ).toEqual([
    { row: 2, deviceId: "a", verdict: "derived" },
    { row: 3, deviceId: "b", verdict: "derived" },
    { row: 5, deviceId: "c", verdict: "own-keys", keys: own },
    { row: 6, deviceId: "d", verdict: "x509" },
    { row: 7, deviceId: "e", verdict: "no-keys" },
    {
      row: 8,
      deviceId: "f",
      verdict: "own-keys",
      keys: { primaryKey: derivedKeys(groupKeys, "f").primaryKey, secondaryKey: key(9) },
    },
  ]);
});

test("the keys of another group are no device's", async () => {
  const [row] = await checkFleet(Buffer.from(`${heading}\n${lineOf("a")}`), {
    primaryKey: key(7),
    secondaryKey: key(8),
  });
  expect(row).toMatchObject({ verdict: "own-keys" });
});

test("a row that can be no device is told with why", async () => {
  expect(await check("a/b,X,k,k,", ",X,k,k,", "c,X,no key,,")).toMatchObject([
    { row: 2, verdict: "unusable", message: /IOTC_DEVICEID must be/ },
    { row: 3, verdict: "unusable", message: /no id/ },
    { row: 4, verdict: "unusable", message: /IOTC_SASKEY_PRIMARY must be base64/ },
  ]);
  await expect(checkFleet(Buffer.from("A,B\n1,2"), groupKeys)).rejects.toMatchObject({ code: "csv-heading" });
});

test("a file with nothing in it is refused, as it is when devices are imported", async () => {
  for (const text of ["", "\uFEFF"]) {
    await expect(checkFleet(Buffer.from(text), groupKeys)).rejects.toMatchObject({ code: "csv-heading" });
  }
});
