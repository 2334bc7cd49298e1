namespace OpsPlatform.Replay;

/// <summary>What the tool tells the shell.</summary>
internal static class ExitCode
{
    public const int Reconciled = 0;
    public const int Mismatch = 1;

    /// <summary>The arguments, the pack or the sales file are not usable, or the organisation is not the right one for them.</summary>
    public const int InputRefused = 2;

    /// <summary>The services did not answer, or refused what they must take.</summary>
    public const int ServicesFailed = 3;

    public const int Interrupted = 130;
}

/// <summary>Something the person who started the tool can put right; the message says what.</summary>
internal sealed class InputException(string message) : Exception(message);

/// <summary>The services did not answer in time, or refused what they must take; the message says which request and why.</summary>
internal sealed class ServicesException(string message, Exception? inner = null) : Exception(message, inner);
