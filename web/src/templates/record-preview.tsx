// What the files of an export hold of a template: asked when somebody wants to see it.

import { Button } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { JsonView } from "../parts/json-view.tsx";
import { Panel } from "../parts/panel.tsx";
import { Shown } from "../parts/states.tsx";
import type { DeviceTemplate } from "./template-draft.ts";
import { recordQuery } from "./template-queries.ts";

export function RecordPreview({ template: { id, version, etag, published } }: { readonly template: DeviceTemplate }) {
  const [isOpen, setOpen] = useState(false);
  const record = useQuery({ ...recordQuery(id, version, etag), enabled: isOpen });
  return (
    <Panel
      title="In exported files"
      about={
        published
          ? "The record of this version in the files of device templates, as it is saved."
          : "The record of this version in the files of device templates, once it is published."
      }
      actions={
        <Button aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Hide the record" : "Show the record"}
        </Button>
      }
    >
      {isOpen && <Shown query={record}>{(value) => <JsonView value={value} openDepth={3} />}</Shown>}
    </Panel>
  );
}
