namespace Aspire.Hosting.Running;

/// <summary>A resource's output: a file of its own, the console with the resource's name in front, and the last lines for error messages.</summary>
internal sealed class ResourceLog(string resourceId, string path, bool toConsole) : IDisposable
{
    private const long MaxBytes = 50_000_000;
    private const int TailLines = 20;

    private readonly Lock _lock = new();
    private readonly Queue<string> _tail = new();
    private StreamWriter _file = Open(path);

    public string Tail
    {
        get
        {
            lock (_lock)
            {
                return string.Join(Environment.NewLine, _tail);
            }
        }
    }

    public void Write(string line)
    {
        lock (_lock)
        {
            if (_file.BaseStream.Position > MaxBytes)
            {
                _file.Dispose();
                _file = Open(path);
            }

            _file.WriteLine(line);
            _tail.Enqueue(line);
            if (_tail.Count > TailLines)
            {
                _tail.Dequeue();
            }
        }

        if (toConsole)
        {
            Console.Out.WriteLine($"[{resourceId,-10}] {line}");
        }
    }

    public void Dispose() => _file.Dispose();

    // The log before this one is kept beside it.
    private static StreamWriter Open(string path)
    {
        if (File.Exists(path))
        {
            File.Move(path, path + ".1", overwrite: true);
        }

        return new StreamWriter(path) { AutoFlush = true };
    }
}
