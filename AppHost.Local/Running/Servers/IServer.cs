namespace Aspire.Hosting.Running.Servers;

/// <summary>A server of this machine's packages that stands in for a container image.</summary>
internal interface IServer
{
    /// <summary>Makes the data folder when it is new and says how to start the server on it; safe to call again after a crash.</summary>
    Task<ProcessSpec> PrepareAsync(CancellationToken cancel);
}
