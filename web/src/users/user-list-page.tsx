// Administration, Users: who may sign in, and what each may do.

import {
  Button,
  Menu,
  MenuDivider,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  Text,
  Tooltip,
  makeStyles,
} from "@fluentui/react-components";
import { AddRegular, MoreHorizontalRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { PageFrame } from "../parts/page-frame.tsx";
import { PageLink } from "../parts/plain-link.tsx";
import { Shown, StateBadge } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { roleNames, useSession } from "../session/session.ts";
import { AddUserDialog, type UserAct, UserDialog } from "./user-dialogs.tsx";
import { type User, usersQuery } from "./user-queries.ts";

const useStyles = makeStyles({
  name: { display: "inline-flex", flexWrap: "wrap", alignItems: "center", gap: "4px 8px" },
});

export default function UserListPage() {
  const users = useQuery(usersQuery);
  const ownId = useSession()?.user?.id;
  const [isAdding, setAdding] = useState(false);
  const [chosen, setChosen] = useState<{ readonly user: User; readonly act: UserAct } | null>(null);
  const columns: readonly Column<User>[] = [
    { id: "name", title: "Name", cell: (user) => <UserName user={user} isSelf={user.id === ownId} /> },
    { id: "role", title: "Role", cell: ({ role }) => roleNames[role] },
    {
      id: "access",
      title: "Access",
      cell: ({ disabled }) =>
        disabled ? <StateBadge tone="warn">Disabled</StateBadge> : <StateBadge tone="good">Can sign in</StateBadge>,
    },
    { id: "last", title: "Last sign-in", cell: ({ lastSignInAt }) => <TimeText time={lastSignInAt} none="Never" /> },
    { id: "created", title: "Added", cell: ({ createdAt }) => <TimeText time={createdAt} /> },
    {
      id: "actions",
      title: "Actions",
      isPlain: true,
      width: "72px",
      cell: (user) => <UserMenu user={user} isSelf={user.id === ownId} onChoose={(act) => setChosen({ user, act })} />,
    },
  ];
  return (
    <PageFrame
      title="Users"
      about={
        <>
          People who sign in here. A role says what somebody may do. Programs use{" "}
          <PageLink to="/admin/tokens">API tokens</PageLink> instead.
        </>
      }
      actions={
        <Button appearance="primary" icon={<AddRegular />} onClick={() => setAdding(true)}>
          Add user
        </Button>
      }
    >
      <Shown query={users}>
        {(items) => <DataTable label="Users" columns={columns} rows={items} keyOf={({ id }) => id} />}
      </Shown>
      {isAdding && <AddUserDialog onClose={() => setAdding(false)} />}
      {chosen !== null && (
        <UserDialog
          act={chosen.act}
          user={chosen.user}
          isSelf={chosen.user.id === ownId}
          onClose={() => setChosen(null)}
        />
      )}
    </PageFrame>
  );
}

function UserName({ user, isSelf }: { readonly user: User; readonly isSelf: boolean }) {
  const styles = useStyles();
  return (
    <span className={styles.name}>
      <Text weight="semibold">{user.name}</Text>
      {isSelf && <StateBadge tone="busy">You</StateBadge>}
    </span>
  );
}

function UserMenu({
  user,
  isSelf,
  onChoose,
}: {
  readonly user: User;
  readonly isSelf: boolean;
  readonly onChoose: (act: UserAct) => void;
}) {
  const navigate = useNavigate();
  return (
    <Menu>
      <MenuTrigger disableButtonEnhancement>
        <Tooltip content={`Actions for ${user.name}`} relationship="label">
          <Button appearance="subtle" size="small" icon={<MoreHorizontalRegular />} />
        </Tooltip>
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          <MenuItem onClick={() => onChoose("edit")}>Edit name and role</MenuItem>
          {isSelf ? (
            <MenuItem onClick={() => void navigate({ to: "/account" })}>Change your password</MenuItem>
          ) : (
            <MenuItem onClick={() => onChoose("password")}>Set a new password</MenuItem>
          )}
          <MenuItem onClick={() => onChoose("access")}>{user.disabled ? "Enable" : "Disable"}</MenuItem>
          <MenuDivider />
          <MenuItem onClick={() => onChoose("delete")}>Delete</MenuItem>
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}
