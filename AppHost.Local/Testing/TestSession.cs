namespace Aspire.Hosting.Testing;

/// <summary>Carries a test's wish into the entry point it runs: hand over the builder, build when told to, go no further.</summary>
internal sealed class TestSession
{
    private static readonly AsyncLocal<TestSession?> _current = new();

    private readonly TaskCompletionSource<DistributedApplicationBuilder> _builder = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<DistributedApplication> _app = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _abandoned;

    public static TestSession? Current => _current.Value;

    public Task<DistributedApplicationBuilder> Builder => _builder.Task;

    public void Run(Action entryPoint) => new Thread(() =>
    {
        _current.Value = this;
        try
        {
            entryPoint();
            Fail(new InvalidOperationException("The entry point ended without building an application."));
        }
        catch (EntryPointStopped)
        {
            // The application is built and belongs to the test now.
        }
        catch (Exception e)
        {
            Fail(e);
        }
    })
    { IsBackground = true, Name = "entry point" }.Start();

    public Task<DistributedApplication> BuildAsync()
    {
        _release.TrySetResult();
        return _app.Task;
    }

    /// <summary>The test will not build: the entry point ends.</summary>
    public void Abandon()
    {
        _abandoned = true;
        _release.TrySetResult();
    }

    public void WaitForRelease(DistributedApplicationBuilder builder)
    {
        _builder.TrySetResult(builder);
        _release.Task.GetAwaiter().GetResult();
        if (_abandoned)
        {
            throw new EntryPointStopped();
        }
    }

    public void Finish(DistributedApplication app)
    {
        _app.SetResult(app);
        throw new EntryPointStopped();
    }

    private void Fail(Exception error)
    {
        _builder.TrySetException(error);
        _app.TrySetException(error);
    }

    private sealed class EntryPointStopped : Exception;
}
