// CA certificates: authorities whose certificates let devices in, each after its owner has proven to have its key.

import { Button, Text, makeStyles, tokens } from "@fluentui/react-components";
import { AddRegular, ArrowSyncRegular, DeleteRegular } from "@fluentui/react-icons";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { CodeBlock } from "../parts/code-tabs.tsx";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { CopyBox } from "../parts/copy-box.tsx";
import { downloadText } from "../parts/download.ts";
import { FormDialog } from "../parts/form-dialog.tsx";
import { Facts, Panel } from "../parts/panel.tsx";
import { ServerErrorBar, useServerErrors } from "../parts/server-errors.tsx";
import { EmptyState, Shown, StateBadge, type Tone } from "../parts/states.tsx";
import { TextField } from "../parts/text-field.tsx";
import { TimeText, useNowMs } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { PemField } from "./pem-field.tsx";
import { type CaCertificate, caCertificatesQuery } from "./provisioning-queries.ts";

const useStyles = makeStyles({
  steps: { display: "flex", flexDirection: "column", rowGap: "16px", margin: 0, paddingInlineStart: "22px" },
  step: { minWidth: 0, "& > *": { marginTop: "6px" } },
  quiet: { color: tokens.colorNeutralForeground3 },
  mono: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200 },
  form: { display: "flex", flexDirection: "column", rowGap: "10px", maxWidth: "720px" },
});

export function CaCertificateList() {
  const certificates = useQuery(caCertificatesQuery);
  const [isAdding, setAdding] = useState(false);
  const add = (
    <Button appearance="primary" icon={<AddRegular />} onClick={() => setAdding(true)}>
      New CA certificate
    </Button>
  );
  return (
    <>
      <Shown query={certificates}>
        {(items) =>
          items.length === 0 ? (
            <EmptyState title="There is no CA certificate" action={add}>
              A device with a certificate that such an authority signed for its id gets in without a key of its own
              here. Only devices whose authentication is set to a CA are asked for one.
            </EmptyState>
          ) : (
            <>
              <div>{add}</div>
              {items.map((certificate) => (
                <CaCertificatePanel key={certificate.id} certificate={certificate} />
              ))}
            </>
          )
        }
      </Shown>
      {isAdding && <NewCaCertificateDialog onClose={() => setAdding(false)} />}
    </>
  );
}

function stateOf(
  { verifiedAt, validFrom, validUntil }: CaCertificate,
  nowMs: number,
): { readonly tone: Tone; readonly words: string } {
  if (Date.parse(validUntil) < nowMs) return { tone: "bad", words: "Expired" };
  if (verifiedAt === null) return { tone: "warn", words: "Not verified" };
  if (Date.parse(validFrom) > nowMs) return { tone: "warn", words: "Not valid yet" };
  return { tone: "good", words: "Verified" };
}

function CaCertificatePanel({ certificate }: { readonly certificate: CaCertificate }) {
  const styles = useStyles();
  const toast = useToast();
  const nowMs = useNowMs();
  const [isDeleting, setDeleting] = useState(false);
  const { id: caCertificateId, name, commonName, thumbprint, validFrom, validUntil, verifiedAt } = certificate;
  const path = { params: { path: { caCertificateId } } };
  const { tone, words } = stateOf(certificate, nowMs);
  return (
    <Panel
      title={name}
      badge={<StateBadge tone={tone}>{words}</StateBadge>}
      actions={
        <>
          <Button
            size="small"
            aria-label={`Download ${name}`}
            onClick={() => downloadText("ca-certificate.pem", "application/x-pem-file", certificate.certificate)}
          >
            Download
          </Button>
          <Button size="small" icon={<DeleteRegular />} aria-label={`Delete ${name}`} onClick={() => setDeleting(true)}>
            Delete
          </Button>
        </>
      }
    >
      <Facts
        items={[
          { name: "Common name", value: commonName === "" ? "none" : commonName },
          { name: "Valid from", value: <TimeText time={validFrom} show="exact" /> },
          { name: "Valid until", value: <TimeText time={validUntil} show="exact" /> },
          { name: "Verified", value: <TimeText time={verifiedAt} none="not yet" /> },
          { name: "Thumbprint", value: <span className={styles.mono}>{thumbprint}</span>, isWide: true },
        ]}
      />
      {verifiedAt === null && <Proof certificate={certificate} />}
      <ConfirmDialog
        isOpen={isDeleting}
        title={`Delete ${name}?`}
        confirmLabel="Delete CA certificate"
        typeToConfirm={name}
        onClose={() => setDeleting(false)}
        onConfirm={async () => {
          await answerOf(api.DELETE("/api/v1/ca-certificates/{caCertificateId}", path));
          await invalidate("ca-certificates");
          toast(`The CA certificate ${name} is deleted`);
        }}
      >
        Connections that came in by it are closed, and no device gets in by it any more.
      </ConfirmDialog>
    </Panel>
  );
}

/** Proof of possession, step by step. */
function Proof({ certificate }: { readonly certificate: CaCertificate }) {
  const styles = useStyles();
  const toast = useToast();
  const nowMs = useNowMs();
  const [proof, setProof] = useState("");
  const { id: caCertificateId, name, verification } = certificate;
  const path = { params: { path: { caCertificateId } } };
  const renew = useMutation({
    mutationFn: async () => {
      await answerOf(api.POST("/api/v1/ca-certificates/{caCertificateId}/verification-code", path));
      await invalidate("ca-certificates");
    },
  });
  const verify = useMutation({
    mutationFn: async () => {
      await answerOf(
        api.POST("/api/v1/ca-certificates/{caCertificateId}/verify", { ...path, body: { certificate: proof } }),
      );
      await invalidate("ca-certificates");
      toast(`${name} is verified`);
    },
  });
  const errors = useServerErrors(verify.error, ["certificate"]);
  const isOver = verification === null || Date.parse(verification.expiresAt) < nowMs;
  return (
    <>
      <Text>
        Nobody gets in by it yet. Prove that you have its key: sign a certificate whose common name is a code of this
        hub.
      </Text>
      <ol className={styles.steps}>
        <li className={styles.step}>
          <div>Take the verification code.</div>
          {!isOver && <CopyBox text={verification.code} />}
          <Text as="p" size={200} className={styles.quiet}>
            {isOver ? (
              "The code is not good any more."
            ) : (
              <>
                Good until <TimeText time={verification.expiresAt} show="both" />.
              </>
            )}
          </Text>
          <div>
            <Button
              size="small"
              icon={<ArrowSyncRegular />}
              disabledFocusable={renew.isPending}
              aria-label={`New code for ${name}`}
              onClick={() => renew.mutate()}
            >
              New code
            </Button>
          </div>
          <ServerErrorBar error={renew.error} />
        </li>
        {!isOver && (
          <>
            <li className={styles.step}>
              <div>Where the authority&apos;s key is, make and sign the verification certificate:</div>
              <CodeBlock text={opensslOf(verification.code)} label={`Commands for ${name}`} isCommand />
            </li>
            <li className={styles.step}>
              <form
                className={styles.form}
                aria-label={`Verify ${name}`}
                noValidate
                onSubmit={(event) => {
                  event.preventDefault();
                  if (proof.trim() !== "" && !verify.isPending) verify.mutate();
                }}
              >
                <PemField
                  label="Verification certificate"
                  hint="What the commands wrote into verification.pem."
                  field="certificate"
                  pem={proof}
                  errors={errors}
                  onChange={setProof}
                />
                <ServerErrorBar error={errors.rest} />
                <div>
                  <Button
                    type="submit"
                    appearance="primary"
                    disabledFocusable={proof.trim() === "" || verify.isPending}
                  >
                    {verify.isPending ? "Verifying …" : "Verify"}
                  </Button>
                </div>
              </form>
            </li>
          </>
        )}
      </ol>
    </>
  );
}

/** The code is made by the server, of letters and digits. */
function opensslOf(code: string): string {
  return [
    `openssl req -new -newkey rsa:2048 -nodes -keyout verification.key -subj "/CN=${code}" -out verification.csr`,
    "openssl x509 -req -in verification.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -sha256 -out verification.pem",
  ].join("\n");
}

function NewCaCertificateDialog({ onClose }: { readonly onClose: () => void }) {
  const toast = useToast();
  const [name, setName] = useState("");
  const [pem, setPem] = useState("");
  const add = useMutation({
    mutationFn: async () => {
      await answerOf(api.POST("/api/v1/ca-certificates", { body: { name, certificate: pem } }));
      await invalidate("ca-certificates");
    },
    onSuccess: () => {
      toast(`${name} is added; now prove that you have its key`);
      onClose();
    },
  });
  const errors = useServerErrors(add.error, ["name", "certificate"]);
  return (
    <FormDialog
      title="New CA certificate"
      submitLabel="Add CA certificate"
      isBusy={add.isPending}
      error={errors.rest}
      onSubmit={add.mutate}
      onClose={onClose}
    >
      <TextField label="Name" required autoFocus errors={errors} field="name" text={name} onChange={setName} />
      <PemField
        label="CA certificate"
        hint="The root's or an intermediate's; its key stays where it is."
        field="certificate"
        pem={pem}
        errors={errors}
        onChange={setPem}
      />
    </FormDialog>
  );
}
