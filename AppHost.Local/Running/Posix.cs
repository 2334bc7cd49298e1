using System.Runtime.InteropServices;

namespace Aspire.Hosting.Running;

internal enum Signal
{
    Interrupt = 2,
    Kill = 9,
    Terminate = 15,
}

/// <summary>The unprivileged account a server runs as when the host is root; PostgreSQL refuses root.</summary>
internal sealed record Account(string Name, uint UserId, uint GroupId)
{
    public static Account? Find(string name) => File.ReadLines("/etc/passwd")
        .Select(line => line.Split(':'))
        .Where(fields => fields.Length > 3 && fields[0] == name)
        .Select(fields => new Account(name, uint.Parse(fields[2]), uint.Parse(fields[3])))
        .FirstOrDefault();
}

internal static class Posix
{
    public const UnixFileMode OwnerOnlyFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    public const UnixFileMode OwnerOnlyFolder = OwnerOnlyFile | UnixFileMode.UserExecute;

    public const UnixFileMode OpenFolder = OwnerOnlyFolder
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>A process id, or a negated process group id; one that is gone already is no error.</summary>
    public static void Send(int target, Signal signal) => _ = Kill(target, (int)signal);

    /// <summary>A folder that only the account, or else the current user, can enter.</summary>
    public static string OwnFolder(string path, Account? account)
    {
        Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, OwnerOnlyFolder);
        Own(path, account);
        return path;
    }

    /// <summary>A file that only the account, or else the current user, can read and write.</summary>
    public static string OwnFile(string path, string content, Account? account)
    {
        File.Delete(path);
        using (var stream = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnlyFile }))
        {
            stream.Write(System.Text.Encoding.UTF8.GetBytes(content));
        }

        Own(path, account);
        return path;
    }

    private static void Own(string path, Account? account)
    {
        if (account is not null && Chown(path, account.UserId, account.GroupId) != 0)
        {
            throw new IOException($"Cannot give {path} to {account.Name}: error {Marshal.GetLastPInvokeError()}.");
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int Kill(int pid, int signal);

    [DllImport("libc", EntryPoint = "chown", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int Chown([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint owner, uint group);
}
