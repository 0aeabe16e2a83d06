// The bar above all pages: the hub's name, whether the page is live, the theme, the account.

import {
  Button,
  Menu,
  MenuDivider,
  MenuGroup,
  MenuGroupHeader,
  MenuItem,
  MenuItemRadio,
  MenuList,
  MenuPopover,
  MenuTrigger,
  Text,
  Tooltip,
  makeStyles,
  tokens,
} from "@fluentui/react-components";
import { NavigationRegular, PersonCircleRegular, WeatherMoonRegular, WeatherSunnyRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { statusQuery } from "../api/queries.ts";
import { invalidate } from "../api/query-client.ts";
import { useLostSinceMs } from "../api/connection.ts";
import { useLive } from "../live/live-stream.ts";
import { roleNames, signOut, useSession } from "../session/session.ts";
import { type Theme, setTheme, themes, useIsDark, useTheme } from "./theme.ts";

const useStyles = makeStyles({
  header: {
    display: "flex",
    alignItems: "center",
    columnGap: "8px",
    height: "48px",
    padding: "0 10px",
    position: "sticky",
    top: 0,
    zIndex: 10,
    backgroundColor: tokens.colorNeutralBackground1,
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  menu: { "@media (min-width: 961px)": { display: "none" } },
  home: {
    display: "flex",
    alignItems: "center",
    columnGap: "10px",
    minWidth: 0,
    color: tokens.colorNeutralForeground1,
    textDecorationLine: "none",
    padding: "4px",
    borderRadius: tokens.borderRadiusMedium,
    "&:focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
  name: { overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap", minWidth: 0 },
  product: { color: tokens.colorNeutralForeground3, "@media (max-width: 640px)": { display: "none" } },
  space: { flexGrow: 1 },
  state: {
    display: "flex",
    alignItems: "center",
    columnGap: "6px",
    color: tokens.colorNeutralForeground3,
    whiteSpace: "nowrap",
  },
  live: { width: "8px", height: "8px", borderRadius: "50%", backgroundColor: tokens.colorPaletteGreenBackground3 },
  away: { width: "8px", height: "8px", borderRadius: "50%", backgroundColor: tokens.colorPaletteMarigoldBackground3 },
});

export function Header({ onMenu }: { readonly onMenu: () => void }) {
  const styles = useStyles();
  const hub = useQuery({ ...statusQuery, staleTime: 60_000 });
  return (
    <header className={styles.header}>
      <Tooltip content="Navigation" relationship="label">
        <Button appearance="subtle" icon={<NavigationRegular />} className={styles.menu} onClick={onMenu} />
      </Tooltip>
      <Link to="/" className={styles.home}>
        <img src="/icon.svg" alt="" width={24} height={24} />
        <Text weight="semibold" className={styles.name}>
          {hub.data?.hubName ?? "Coldpath"}
        </Text>
        <Text className={styles.product}>Coldpath</Text>
      </Link>
      <div className={styles.space} />
      <ConnectionState />
      <ThemeMenu />
      <AccountMenu />
    </header>
  );
}

function ConnectionState() {
  const styles = useStyles();
  const { isOpen } = useLive();
  const isLost = useLostSinceMs() !== null;
  const isLive = isOpen && !isLost;
  return (
    <span className={styles.state} role="status">
      <span className={isLive ? styles.live : styles.away} />
      <Text size={200}>{isLive ? "Live" : "Reconnecting …"}</Text>
    </span>
  );
}

const themeNames: Readonly<Record<Theme, string>> = { system: "As the system", light: "Light", dark: "Dark" };

function ThemeMenu() {
  const theme = useTheme();
  const isDark = useIsDark();
  return (
    <Menu
      checkedValues={{ theme: [theme] }}
      onCheckedValueChange={(_event, { checkedItems }) => setTheme(checkedItems[0] as Theme)}
    >
      <MenuTrigger disableButtonEnhancement>
        <Tooltip content="Theme" relationship="label">
          <Button appearance="subtle" icon={isDark ? <WeatherMoonRegular /> : <WeatherSunnyRegular />} />
        </Tooltip>
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          {themes.map((one) => (
            <MenuItemRadio key={one} name="theme" value={one}>
              {themeNames[one]}
            </MenuItemRadio>
          ))}
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}

function AccountMenu() {
  const session = useSession();
  const navigate = useNavigate();
  const user = session?.user;
  if (user === null || user === undefined) return null;
  const leave = async (): Promise<void> => {
    await signOut();
    await navigate({ to: "/sign-in" });
    // Not before: the shell would remember the page as the one to come back to.
    await invalidate("session");
  };
  return (
    <Menu>
      <MenuTrigger disableButtonEnhancement>
        <Tooltip content={`Account of ${user.name}`} relationship="label">
          <Button appearance="subtle" icon={<PersonCircleRegular />} />
        </Tooltip>
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          <MenuGroup>
            <MenuGroupHeader>
              {user.name} · {roleNames[user.role]}
            </MenuGroupHeader>
            <MenuItem onClick={() => void navigate({ to: "/account" })}>Account and password</MenuItem>
          </MenuGroup>
          <MenuDivider />
          <MenuItem onClick={() => void leave()}>Sign out</MenuItem>
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}
