// Sabotages of the product, one line each (now and then two): for every promise a way to break it. The simulation is worth
// something only if it catches each of them; mutations.test.ts proves that it does.

import type { Focus } from "./plan.ts";

export interface Mutation {
  readonly name: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly text: string;
  readonly replacement: string;
  /** What it breaks. The simulation may meet a consequence first. */
  readonly breaks: string;
  /** What stories need to have to meet it soon; chance alone would take hundreds. */
  readonly focus?: Focus;
}

/** An application behind the hub, and devices that come by provisioning. One for all, so that one control is enough. */
const served: Focus = {
  hasCloudMessages: true,
  hasMethods: true,
  newcomers: 2,
  habits: { isHttp: true },
  acts: { "device deleted": 6, "device made again": 6 },
  actShare: 0.5,
};

export const mutations: readonly Mutation[] = [
  {
    name: "ack before fsync",
    file: "src/journal/file/open-segment.ts",
    text: "    await syncOrFail(this.#file);\n    this.#end +=",
    replacement: "    this.#end +=",
    breaks: "J1",
  },
  {
    name: "waiter told when it registers",
    file: "src/journal/frame-queue.ts",
    text: "else newest.waiters.push(waiter);",
    replacement: "else waiter.durable();",
    breaks: "J1",
  },
  {
    name: "directory entry not synced",
    file: "src/journal/file/open-segment.ts",
    text: "      await disk.syncDirectory(directory);\n      if (free",
    replacement: "      if (free",
    breaks: "J1",
  },
  {
    name: "seal not synced",
    file: "src/journal/file/open-segment.ts",
    text: "  await syncOrFail(file);\n  // The copy after the seal itself is durable: a copy alone must never speak for a seal that was lost.\n  await file.write([encodeClosedHeader(identity, seal)], 0);\n  await file.truncate(seal.position + sealBytes);\n  await syncOrFail(file);\n",
    replacement:
      "  await file.write([encodeClosedHeader(identity, seal)], 0);\n  await file.truncate(seal.position + sealBytes);\n",
    breaks: "J4",
  },
  {
    name: "floor forgotten",
    file: "src/journal/file/partition.ts",
    text: "    await writeFloor(this.#owner.disk, this.directory, { windowNext: window, offsetNext: this.#offsetNext });\n",
    replacement: "",
    breaks: "J4",
  },
  {
    name: "torn tail accepted",
    file: "src/journal/file/frame-reader.ts",
    text: 'if (bodyCrc(this.#crc, lengthsPart, payload) !== head.bodyCrc) return { kind: "invalid", head };',
    replacement: "",
    breaks: "J3",
  },
  {
    name: "damage taken for a torn tail",
    file: "src/journal/file/segment-scan.ts",
    text: "    if (behind !== null) {",
    replacement: "    if (behind === undefined) {",
    breaks: "J3",
    focus: { faults: { "bit flip": 10, kill: 4, "power cut": 4 }, faultShare: 0.3 },
  },
  {
    name: "damage not told",
    file: "src/journal/file/recovery.ts",
    text: '        notice("error", "corruption", `${damage}. Nothing was cut; the window is closed for writing.`);\n',
    replacement: "",
    breaks: "J3",
    focus: { faults: { "bit flip": 10, kill: 4, "power cut": 4 }, faultShare: 0.3 },
  },
  {
    name: "last record of a frame dropped when it is read",
    file: "src/journal/file/segment-read.ts",
    text: "      offset += head.records;\n      yield { offsetFirst: head.offsetFirst, timeMs: head.timeMs, bytes: payload, lengths };",
    replacement:
      "      offset += head.records;\n      yield { offsetFirst: head.offsetFirst, timeMs: head.timeMs, bytes: payload, lengths: lengths.subarray(0, -1) };",
    breaks: "E1",
  },
  {
    name: "last record of a frame of several dropped when it is read",
    file: "src/journal/file/segment-read.ts",
    text: "      offset += head.records;\n      yield { offsetFirst: head.offsetFirst, timeMs: head.timeMs, bytes: payload, lengths };",
    replacement:
      "      offset += head.records;\n      yield { offsetFirst: head.offsetFirst, timeMs: head.timeMs, bytes: payload, lengths: lengths.subarray(0, Math.max(1, lengths.length - 1)) };",
    breaks: "E2",
  },
  {
    name: "trimmed too early",
    file: "src/journal/file/budget.ts",
    text: "oldest.window >= released) return false;",
    replacement: "oldest.window >= partition.closedBelow) return false;",
    breaks: "E4",
  },
  {
    name: "checkpoint before confirm",
    file: "src/export/stream.ts",
    text: "    const runs: ExportRun[] = [];\n",
    replacement: "    const runs: ExportRun[] = [];\n    await owed.commit([]);\n",
    breaks: "E3",
  },
  {
    name: "checkpoint one window too far",
    file: "src/export/measurements-backlog.ts",
    text: "        const to = window + 1;\n        const cut",
    replacement: "        const to = window + 2;\n        const cut",
    breaks: "E3",
  },
  {
    name: "checkpoint past an unfinished part",
    file: "src/export/stream.ts",
    text: "      if (end.isLast) break;",
    replacement: "      break;",
    breaks: "E1",
  },
  {
    name: "a lost answer taken for a confirmation",
    file: "src/export/write-file.ts",
    text: '    case "temporary":\n    case "permanent":\n      return outcome;',
    replacement:
      '    case "temporary":\n      if (pass.byteCount > 0) return pass.written("created");\n      return outcome;\n    case "permanent":\n      return outcome;',
    breaks: "E3",
  },
  {
    name: "name from the wall clock",
    file: "src/export/path-template.ts",
    text: "new Date(windowStartMs(name.window)).toISOString()",
    replacement: "new Date(Date.now()).toISOString()",
    breaks: "E2",
  },
  {
    name: "retry under a new name",
    file: "src/export/stream.ts",
    text: "        fileBytesMax: definition.fileBytesMax,\n",
    replacement:
      "        fileBytesMax: definition.fileBytesMax,\n        ...(attempts > 1 ? { path: `${path}.${attempts}` } : {}),\n",
    breaks: "E2",
  },
  {
    name: "definition read at upload",
    file: "src/export/measurements-backlog.ts",
    text: "must(definitionAt(this.#export, window), ",
    replacement: "must(this.#export.definitions.at(-1), ",
    breaks: "E2",
  },
  {
    name: "snapshot read again at retry",
    file: "src/export/snapshots-backlog.ts",
    text: "of this.#stage.read(cut))",
    replacement:
      'of ((view) => (cut.type === "devices" ? view.devices(cut.revisionFrom, 500).map(({ device }) => device) : view.deviceTemplates(cut.revisionFrom, 500).map(({ template }) => template)))(this.#registry.openView()))',
    breaks: "S2",
  },
  {
    name: "delta starts one change too late",
    file: "src/registry/sqlite/snapshots.ts",
    text: "await setPosition(change, type, revisionTo);",
    replacement: "await setPosition(change, type, revisionTo + 1);",
    breaks: "S1",
  },
  {
    name: "a template edited in place without a new revision",
    file: "src/registry/sqlite/templates.ts",
    text: "          revision: isPublished || publish ? await takeRevisions(change, 1) : null,",
    replacement: "          revision: isPublished ? row.revision : publish ? await takeRevisions(change, 1) : null,",
    breaks: "S1",
    focus: { acts: { "template edited in place": 20 } },
  },
  {
    name: "a breaking edit made in place",
    file: "src/registry/sqlite/templates.ts",
    text: "        if (isPublished) refuseBreaks(row, clean);\n",
    replacement: "",
    breaks: "Decision 17",
    focus: { acts: { "breaking template edit refused": 20 } },
  },
  {
    name: "exists taken for ours without a look",
    file: "src/export/write-file.ts",
    text: '  if (isOurCut && label.sha256 === pass.sha256() && head.bytes === pass.byteCount) return pass.written("adopted");',
    replacement: '  if (isOurCut || label === null || label !== null) return pass.written("adopted");',
    breaks: "E5",
    focus: { faults: { "foreign object": 40 }, faultShare: 0.3 },
  },
  {
    name: "foreign object overwritten",
    file: "src/destinations/azure-blob/azure-blob-destination.ts",
    text: 'conditions: { ifNoneMatch: "*" },',
    replacement: "conditions: {},",
    breaks: "E5",
  },
  {
    name: "turned off, and what it owes is forgotten",
    file: "src/export/measurements-backlog.ts",
    text: "    return isOwed(this.#export, window, type);",
    replacement: "    return this.#export.on && isOwed(this.#export, window, type);",
    breaks: "E1",
  },
  {
    name: "discard without a gap",
    file: "src/registry/sqlite/progress.ts",
    text: "    await insertGap(change, gap);\n",
    replacement: "",
    breaks: "E3",
  },
  {
    name: "generation used again",
    file: "src/registry/generation-id.ts",
    text: "const first = now > after ? now : after;",
    replacement: "const first = now;",
    breaks: "D1",
  },
  {
    name: "connection of a deleted device kept",
    file: "src/ingest/connection-table.ts",
    text: 'if (event.kind === "device-deleted" || (',
    replacement: "if ((",
    breaks: "D1",
  },
  {
    name: "key rotation closes nothing",
    file: "src/registry/sqlite/credentials.ts",
    text: 'tell({ kind: "device-changed", deviceId: id, access: true });\n        return keys;',
    replacement: 'tell({ kind: "device-changed", deviceId: id, access: false });\n        return keys;',
    breaks: "D1",
  },
  {
    name: "a key written to the log",
    file: "src/ingest/authenticate.ts",
    text: "  const isSigned = isSignedWith(token, [keys.primaryKey, keys.secondaryKey]);\n",
    replacement:
      "  const isSigned = isSignedWith(token, [keys.primaryKey, keys.secondaryKey]);\n  if (!isSigned) throw new Error(`neither ${keys.primaryKey} nor ${keys.secondaryKey} signed it`);\n",
    breaks: "A2",
  },
  {
    name: "report answered and not kept",
    file: "src/registry/sqlite/twins.ts",
    text: "        await keep(change, { ...twin, reported });\n",
    replacement: "",
    breaks: "D2",
    focus: { hasTwins: true },
  },
  {
    name: "settings not told to the device",
    file: "src/twins/twins.ts",
    text: "    entry.listener(desiredPatchText(event.patch, event.version), event.version);\n",
    replacement: "",
    breaks: "D2",
    focus: { hasTwins: true, acts: { "device edited": 8 }, actShare: 0.5 },
  },
  {
    name: "what a device missed is not told",
    file: "src/registry/sqlite/mqtt-sessions.ts",
    text: "      return patch === null ? null : { patch, version };\n",
    replacement: "      return patch === null || version > 0 ? null : { patch, version };\n",
    breaks: "D2",
    focus: { hasTwins: true, acts: { "device edited": 8 }, actShare: 0.5 },
  },
  {
    name: "what was sent to a device, and perhaps never came, is not told again",
    file: "src/ingest/desired-pushes.ts",
    text: "    const newer = await sessions.sending(session, version);\n",
    replacement: "    const newer = null;\n",
    breaks: "D2",
    focus: { hasTwins: true },
  },
  {
    name: "a message for a device taken and not kept",
    file: "src/registry/sqlite/cloud-messages.ts",
    text: '        await change.insertInto("cloud_messages").values(row).execute();\n',
    replacement: "",
    breaks: "D2",
    focus: served,
  },
  {
    name: "a completion answered before it is kept",
    file: "src/twins/cloud-messages.ts",
    text: "    await this.#options.registry.settleCloudMessage(owner, lockToken, outcome);\n",
    replacement: "    this.#options.registry.settleCloudMessage(owner, lockToken, outcome).catch(() => {});\n",
    breaks: "D2",
    focus: served,
  },
  {
    name: "a PUBACK completes nothing",
    file: "src/ingest/mqtt/cloud-message-topics.ts",
    text: '    this.#inFlight.delete(packetId);\n    void this.#follower?.settle(delivery, "completed");\n',
    replacement: '    this.#inFlight.delete(packetId);\n    void this.#follower?.settle(delivery, "abandoned");\n',
    breaks: "D2",
    focus: served,
  },
  {
    name: "deliveries counted anew after a message was given back",
    file: "src/registry/sqlite/cloud-message-queue.ts",
    text: '.set({ state: "queued", lock_token: null, lock_ends_ms: null })',
    replacement: '.set({ state: "queued", lock_token: null, lock_ends_ms: null, delivery_count: 0 })',
    breaks: "D2",
    focus: served,
  },
  {
    name: "a deleted device's queue given to its next generation",
    file: "src/registry/sqlite/migrations/0010-cloud-messages.ts",
    text: "    device_id text not null references devices (id) on delete cascade,\n",
    replacement: "    device_id text not null,\n",
    breaks: "D1",
    focus: served,
  },
  {
    name: "a call that was given up reaches the device later",
    file: "src/twins/methods.ts",
    text: "      ofDevice.delete(call.requestId);\n",
    replacement: "",
    breaks: "Decision 22",
    focus: served,
  },
  {
    name: "assigned before the device is kept",
    file: "src/registry/sqlite/registration-claims.ts",
    text: "      return await database.change((change, tell) => apply(change, tell, claim));\n",
    replacement:
      "      const early = await decide(database.reader, committed, secrets, claim);\n" +
      "      const kept = database.change((change, tell) => apply(change, tell, claim));\n" +
      '      if (early.kind !== "assign") return await kept;\n' +
      "      kept.catch(() => {});\n" +
      "      const { deviceId } = early.enrollment;\n" +
      "      const at = new Date(clock.nowMs()).toISOString();\n" +
      '      return { kind: "assigned", deviceId, isNew: true, createdAt: at, updatedAt: at };\n',
    breaks: "D2",
    focus: served,
  },
  {
    name: "a device provisioned with other keys than its enrollment's",
    file: "src/registry/sqlite/registration-claims.ts",
    text: "[{ id, templateId, templateVersion, ...keys, authentication }]",
    replacement: "[{ id, templateId, templateVersion, authentication }]",
    breaks: "D1",
    focus: served,
  },
  {
    name: "a device refused when the keys of its group were changed",
    file: "src/registry/sqlite/registration-decision.ts",
    text: "      isHeir && former?.device_id === device.id && isSameSecret(",
    replacement: "      former === undefined && isSameSecret(",
    breaks: "Decision 23",
    focus: served,
  },
];
